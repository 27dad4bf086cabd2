"""The use case `doctor`: whether machine and project are as needed, and what to do where they are not."""
