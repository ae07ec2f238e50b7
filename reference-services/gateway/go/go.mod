module gateway

go 1.26

require (
	github.com/go-jose/go-jose/v4 v4.1.8
	github.com/pelletier/go-toml/v2 v2.4.3
)
