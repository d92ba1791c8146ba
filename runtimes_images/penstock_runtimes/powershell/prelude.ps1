# Runs a PowerShell script with $context, $item, $steps, $run and the functions output, fail and progress; started by
# the harness as `pwsh -NoLogo -NoProfile -NonInteractive -File prelude.ps1 SCRIPT`. Needs PowerShell 7.4 or later.
#
#   output VALUE               the step's output: what ConvertTo-Json makes of it; the last call counts
#   fail CODE [REASON]         end the step as failed
#   progress CURRENT [TOTAL] [MESSAGE]
param([string] $PenstockScript)

# A script ends at its first error, and at the first program that fails.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true
# A log is for reading: neither bars that are drawn over nor colours.
$ProgressPreference = 'SilentlyContinue'
$PSStyle.OutputRendering = 'PlainText'
[Console]::OutputEncoding = $OutputEncoding = [Text.UTF8Encoding]::new($false)

function Add-PenstockStatement([string] $Json) {
    [IO.File]::AppendAllText($env:PENSTOCK_OUTPUT, "$Json`n")
}

function output {
    [CmdletBinding()]
    param([Parameter(Mandatory, Position = 0)] [AllowNull()] [AllowEmptyString()] [AllowEmptyCollection()] $Value)
    # Deeper than it can go ConvertTo-Json only warns, and writes texts in place of objects.
    $json = ConvertTo-Json -InputObject $Value -Depth 100 -Compress -EnumsAsStrings -WarningAction Stop
    Add-PenstockStatement "{`"output`":$json}"
}

function fail {
    # Also fail('CODE', 'reason'), which PowerShell takes for one list.
    $said = @($args | ForEach-Object { $_ })
    $reason = $said | Select-Object -Skip 1 | Join-String -Separator ' '
    $failure = @{ fail = @{ code = "$($said[0])"; reason = "$reason" } }
    Add-PenstockStatement (ConvertTo-Json -InputObject $failure -Compress)
    exit 1
}

function progress {
    $said = @($args | ForEach-Object { $_ })
    $message = $said | Select-Object -Skip 2 | Join-String -Separator ' '
    $progress = @{ progress = @{ current = $said[0]; total = $said[1]; message = "$message" } }
    Add-PenstockStatement (ConvertTo-Json -InputObject $progress -Compress)
}

# Not ConvertFrom-Json, which makes dates of texts that look like one and rounds large numbers.
function ConvertFrom-PenstockElement([Text.Json.JsonElement] $Element) {
    if ($Element.ValueKind -eq 'Object') {
        $object = [Collections.Specialized.OrderedDictionary]::new([StringComparer]::Ordinal)
        foreach ($property in $Element.EnumerateObject()) {
            $object.Add($property.Name, (ConvertFrom-PenstockElement $property.Value))
        }
        return $object
    }
    if ($Element.ValueKind -eq 'Array') {
        $list = [Collections.Generic.List[object]]::new()
        foreach ($entry in $Element.EnumerateArray()) {
            $list.Add((ConvertFrom-PenstockElement $entry))
        }
        # With a comma, or a list of one would become what is in it.
        return , $list.ToArray()
    }
    if ($Element.ValueKind -eq 'Number') {
        $whole = 0L
        if ($Element.TryGetInt64([ref] $whole)) { return $whole }
        $digits = $Element.GetRawText()
        if ($digits -match '^-?[0-9]+$') { return [bigint]::Parse($digits) }
        return $Element.GetDouble()
    }
    if ($Element.ValueKind -eq 'String') { return $Element.GetString() }
    if ($Element.ValueKind -eq 'Null') { return $null }
    return $Element.ValueKind -eq 'True'
}

# One line: what went wrong, and in which line of the script, wherever that line led to.
function Get-PenstockReason($Record, [string] $Name) {
    if ($Record.Exception -is [Management.Automation.ParseException]) {
        $first = $Record.Exception.Errors[0]
        return "$($first.Message) ($Name, line $($first.Extent.StartLineNumber))"
    }
    if ("$($Record.ScriptStackTrace)" -match "$([regex]::Escape($Name)): line ([0-9]+)") {
        return "$($Record.Exception.Message) ($Name, line $($Matches[1]))"
    }
    return "$($Record.Exception.Message)"
}

Add-PenstockStatement "{`"interpreter`":`"PowerShell $($PSVersionTable.PSVersion)`"}"
$PenstockOptions = [Text.Json.JsonDocumentOptions] @{ MaxDepth = 1000 }
$PenstockText = [IO.File]::ReadAllText($env:PENSTOCK_CONTEXT_FILE)
$PenstockValues = ConvertFrom-PenstockElement ([Text.Json.JsonDocument]::Parse($PenstockText, $PenstockOptions)).RootElement
$context, $item, $itemIndex = $PenstockValues['context'], $PenstockValues['item'], $PenstockValues['itemIndex']
$steps, $run = $PenstockValues['steps'], $PenstockValues['run']
try {
    & "./$PenstockScript"
    # False after `exit` with another code than 0, and then only.
    if (-not $?) { exit $LASTEXITCODE }
} catch {
    $PenstockReason = Get-PenstockReason $_ $PenstockScript
    Add-PenstockStatement (ConvertTo-Json -InputObject @{ fail = @{ code = 'SCRIPT_FAILED'; reason = $PenstockReason } } -Compress)
    [Console]::Error.WriteLine(($_ | Out-String).Trim())
    exit 1
}
exit 0
