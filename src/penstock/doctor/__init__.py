"""The use case `doctor`: whether machine and project are as needed, part by part, with what to do where they are not."""
