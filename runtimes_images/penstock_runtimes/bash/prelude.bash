# Runs a bash script with context in CTX_<name> and the functions below; started by the harness as
# `bash --noprofile --norc prelude.bash SCRIPT`. Needs nothing but bash (3.2 or later) and the harness's Python.
#
#   output VALUE            the step's output: JSON where VALUE is JSON, else the text itself
#   output --text VALUE     always the text, so that 007 stays "007"
#   output -                the value from standard input
#   fail CODE [REASON]      end the step as failed
#   progress CURRENT [TOTAL] [MESSAGE]
#   json_string TEXT        TEXT as a JSON string, quotes included
#   context_value PATH      a value of the context, such as customer.address[0]
#   step_output STEP [PATH] a value of an earlier step's output
#   item_value [PATH]       a value of the item of a fanned-out step
#   run_value PATH          name, namespace, phase or failedSteps

# Sets __penstock_json to its argument as a JSON string. Built-in substitutions only, for a program per string would
# dominate a short script; in bytes and in pieces, for bash takes a minute to replace in a page of text in UTF-8.
__penstock_quote() {
  local LC_ALL=C rest=${1-} text backslash='\' quote='"' character code
  __penstock_json=$quote
  while [[ -n $rest ]]; do
    text=${rest:0:16384}
    rest=${rest:16384}
    text=${text//"$backslash"/"$backslash$backslash"}
    text=${text//"$quote"/"$backslash$quote"}
    if [[ $text == *[[:cntrl:]]* ]]; then
      for code in 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f; do
        printf -v character "\\x$code"
        text=${text//"$character"/"${backslash}u00$code"}
      done
    fi
    __penstock_json+=$text
  done
  __penstock_json+=$quote
}

# One statement is one write, so that those of background jobs do not mix.
__penstock_state() { printf '{%s}\n' "$1" >> "$PENSTOCK_OUTPUT"; }

json_string() {
  local __penstock_json
  __penstock_quote "${1-}"
  printf '%s' "$__penstock_json"
}

output() {
  local LC_ALL=C kind=outputText value __penstock_json
  case ${1-} in
    --text) kind=output; shift ;;
    --) shift ;;
  esac
  if (($# != 1)); then
    printf 'penstock: output takes one value; quote it: output "$value"\n' >&2
    return 2
  fi
  value=$1
  if [[ $value == - && $kind == outputText ]]; then
    # A read without a delimiter takes everything and then says that it met the end.
    IFS= read -r -d '' value || :
    # Not ${value%...}, which compares every ending of a long text.
    if [[ ${value: -1} == $'\n' ]]; then
      value=${value:0:${#value}-1}
    fi
  fi
  __penstock_quote "$value"
  __penstock_state "\"$kind\":$__penstock_json"
}

fail() {
  local code __penstock_json
  __penstock_quote "${1-}"
  code=$__penstock_json
  __penstock_quote "${*:2}"
  __penstock_state "\"fail\":{\"code\":$code,\"reason\":$__penstock_json}"
  exit 1
}

progress() {
  local current total __penstock_json
  __penstock_quote "${1-}"
  current=$__penstock_json
  __penstock_quote "${2-}"
  total=$__penstock_json
  __penstock_quote "${*:3}"
  __penstock_state "\"progress\":{\"current\":$current,\"total\":$total,\"message\":$__penstock_json}"
}

context_value() { "$PENSTOCK_PYTHON" -I -S "$PENSTOCK_HARNESS" value "context.$1"; }
step_output() { "$PENSTOCK_PYTHON" -I -S "$PENSTOCK_HARNESS" value "steps.$1.output${2:+.${2#.}}"; }
item_value() { "$PENSTOCK_PYTHON" -I -S "$PENSTOCK_HARNESS" value "item${1:+.${1#.}}"; }
run_value() { "$PENSTOCK_PYTHON" -I -S "$PENSTOCK_HARNESS" value "run.$1"; }

__penstock_state "\"interpreter\":\"bash ${BASH_VERSION%%(*}\""
BASH_ARGV0=$1
set -eu -o pipefail
# With a slash, or bash would look for it on PATH.
source "./$1"
