//go:build direct && !codec

package api

import (
	"encoding/json"

	"fastjson/quote"
)

func decodeDirect(body []byte) (*quote.Order, error) { return quote.Decode(body) }

func encodeDirect(_ []byte, q *quote.Quote) ([]byte, error) { return json.Marshal(q) }
