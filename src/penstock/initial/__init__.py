"""The use case `init`: looks at a project and writes what Penstock needs there. It overwrites and runs nothing."""
