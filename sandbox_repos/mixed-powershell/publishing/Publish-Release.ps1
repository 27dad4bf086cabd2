<#
.SYNOPSIS
    Publishes a release by a channel.
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory = $true)]
    [ValidateSet('stable', 'beta')]
    [string]$Channel,

    [Parameter(Mandatory = $true)]
    [version]$Version
)

$KeepDays = @{
    'stable' = 365
    'beta' = 90
}

$expires = (Get-Date).AddDays($KeepDays[$Channel])
Write-Output "Publishing $Version by $Channel until $expires"
