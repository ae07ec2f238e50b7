module fastjson

go 1.26
