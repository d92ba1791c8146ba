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

# Built-in substitutions only, for a program per string would dominate a short script.
json_string() {
  local text=${1-} backslash='\' quote='"' character code
  text=${text//"$backslash"/"$backslash$backslash"}
  text=${text//"$quote"/"$backslash$quote"}
  if [[ $text == *[[:cntrl:]]* ]]; then
    for code in 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f; do
      printf -v character "\\x$code"
      text=${text//"$character"/"${backslash}u00$code"}
    done
  fi
  printf '"%s"' "$text"
}

output() {
  local kind=outputText value
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
    value=${value%$'\n'}
  fi
  printf '{"%s":%s}\n' "$kind" "$(json_string "$value")" >> "$PENSTOCK_OUTPUT"
}

fail() {
  printf '{"fail":{"code":%s,"reason":%s}}\n' \
    "$(json_string "${1-}")" "$(json_string "${*:2}")" >> "$PENSTOCK_OUTPUT"
  exit 1
}

progress() {
  printf '{"progress":{"current":%s,"total":%s,"message":%s}}\n' \
    "$(json_string "${1-}")" "$(json_string "${2-}")" "$(json_string "${*:3}")" >> "$PENSTOCK_OUTPUT"
}

context_value() { "$PENSTOCK_PYTHON" -I -S "$PENSTOCK_HARNESS" value "context.$1"; }
step_output() { "$PENSTOCK_PYTHON" -I -S "$PENSTOCK_HARNESS" value "steps.$1.output${2:+.${2#.}}"; }
item_value() { "$PENSTOCK_PYTHON" -I -S "$PENSTOCK_HARNESS" value "item${1:+.${1#.}}"; }
run_value() { "$PENSTOCK_PYTHON" -I -S "$PENSTOCK_HARNESS" value "run.$1"; }

printf '{"interpreter":"bash %s"}\n' "${BASH_VERSION%%(*}" >> "$PENSTOCK_OUTPUT"
BASH_ARGV0=$1
set -eu -o pipefail
# With a slash, or bash would look for it on PATH.
source "./$1"
