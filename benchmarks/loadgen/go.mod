module poterne.example/loadgen

go 1.23
