module analyticsapi

go 1.26
