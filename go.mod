module tcpstate

go 1.26
