# Sets Penstock up on Windows: .venv, pinned packages, Penstock itself, its database with prompts and phases. Server, CLI
# and planning run here; agents run in WSL.
#   .\setup.ps1                           PYTHON = path of a Python of 3.11 or later chooses the interpreter
# Exit codes: 0 ready, 3 Python, git, a package or the database is missing.
$ErrorActionPreference = 'Stop'
$here = Split-Path -Parent $MyInvocation.MyCommand.Path
Remove-Item Env:PYTHONPATH, Env:PYTHONHOME -ErrorAction SilentlyContinue

function Stop-WithHint([string]$Sentence, [string]$Hint) {
    [Console]::Error.WriteLine("penstock: $Sentence")
    [Console]::Error.WriteLine("hint: $Hint")
    exit 3
}

function Test-Fit([string[]]$Command) {
    if (-not (Get-Command $Command[0] -ErrorAction SilentlyContinue)) { return $false }
    $rest = @($Command | Select-Object -Skip 1)
    & $Command[0] @rest -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'
    return $LASTEXITCODE -eq 0
}

if (-not (Get-Command git -ErrorAction SilentlyContinue)) {
    Stop-WithHint 'git is needed, and none was found on PATH' 'install Git for Windows'
}
$candidates = if ($env:PYTHON) { , @($env:PYTHON) } else { @('py', '-3'), @('python'), @('python3') }
$python = $null
foreach ($candidate in $candidates) {
    if (Test-Fit $candidate) { $python = $candidate; break }
}
if (-not $python) {
    Stop-WithHint 'Python 3.11 or later is needed, and none was found' 'install it from python.org, or set PYTHON to its path'
}
$rest = @($python | Select-Object -Skip 1)
& $python[0] @rest -I (Join-Path $here 'scripts\environment.py') dev
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
foreach ($part in 'init_db', 'seed_prompts', 'seed_phases') {
    & (Join-Path $here '.venv\Scripts\python.exe') (Join-Path $here "scripts\$part.py")
    if ($LASTEXITCODE -ne 0) {
        Stop-WithHint "not ready: scripts\$part.py ended with exit code $LASTEXITCODE" 'its own words stand above; mend that, then run this again'
    }
}
[Console]::Error.WriteLine('penstock: ready. Next: .venv\Scripts\penstock --help')
