"""The bodies of requests and answers. Answers may gain keys; bodies with keys that nobody knows are refused."""
