//go:build direct && codec

package api

import "fastjson/quote"

func decodeDirect(body []byte) (*quote.Order, error) { return quote.DecodePlain(body) }

func encodeDirect(buffer []byte, q *quote.Quote) ([]byte, error) {
	return quote.AppendJSON(buffer, q), nil
}
