module kestra-secrets/testbed/pause

go 1.24
