module cacheserver

go 1.26
