// Package token checks who a request comes from: a signed token against a set of keys, or with the help
// of a service that does so.
package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

const (
	keysBytesMax = 64 * 1024
	keysMax      = 64
)

// Keys are the public keys that sign tokens.
type Keys struct {
	byID map[string]jose.JSONWebKey
	only *jose.JSONWebKey // the set's one key, whatever its id
}

// LoadKeys reads a JWKS file.
func LoadKeys(file string) (*Keys, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	keys, err := ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return keys, nil
}

// ParseKeys takes the Ed25519 and P-256 keys of a JWKS (RFC 7517) that may sign, and leaves out others.
func ParseKeys(text []byte) (*Keys, error) {
	if len(text) > keysBytesMax {
		return nil, fmt.Errorf("more than %d bytes", keysBytesMax)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("not a JWKS: %w", err)
	}
	keys := &Keys{byID: map[string]jose.JSONWebKey{}}
	count := 0
	for i, raw := range set.Keys {
		key, err := parseKey(raw)
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		if key == nil {
			continue
		}
		if _, twice := keys.byID[key.KeyID]; twice {
			return nil, fmt.Errorf("keys[%d]: the kid %q is there twice", i, key.KeyID)
		}
		keys.byID[key.KeyID] = *key
		keys.only = key
		count++
	}
	if count < 1 || count > keysMax {
		return nil, fmt.Errorf("%d keys for EdDSA or ES256; 1 to %d are allowed", count, keysMax)
	}
	if count > 1 {
		keys.only = nil
	}
	return keys, nil
}

// parseKey returns none for a key that is of no use here.
func parseKey(raw []byte) (*jose.JSONWebKey, error) {
	var kind struct {
		Type  string `json:"kty"`
		Curve string `json:"crv"`
		Use   string `json:"use"`
		Alg   string `json:"alg"`
		D     any    `json:"d"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return nil, err
	}
	alg := map[string]string{"OKP Ed25519": "EdDSA", "EC P-256": "ES256"}[kind.Type+" "+kind.Curve]
	if alg == "" || kind.Use != "" && kind.Use != "sig" || kind.Alg != "" && kind.Alg != alg {
		return nil, nil
	}
	if kind.D != nil {
		return nil, errors.New("a private key; the file holds public ones only")
	}
	var key jose.JSONWebKey
	if err := json.Unmarshal(raw, &key); err != nil {
		return nil, err
	}
	if !key.Valid() || !key.IsPublic() {
		return nil, errors.New("not a valid public key")
	}
	key.Algorithm = alg
	return &key, nil
}

// find returns the key that a token names, if its algorithm is the token's.
func (k *Keys) find(id, alg string) (any, error) {
	key := k.only
	if id != "" {
		named, known := k.byID[id]
		if !known {
			return nil, errors.New("no key has this kid")
		}
		key = &named
	}
	if key == nil {
		return nil, errors.New("no kid, and there are several keys")
	}
	switch public := key.Key.(type) {
	case ed25519.PublicKey:
		if alg == string(jose.EdDSA) {
			return public, nil
		}
	case *ecdsa.PublicKey:
		if alg == string(jose.ES256) && public.Curve == elliptic.P256() {
			return public, nil
		}
	}
	return nil, errors.New("the key is not of this alg")
}

// Verify returns the payload of a token (a JWS in the compact form, RFC 7515) that one of the keys has
// signed.
func (k *Keys) Verify(token string) ([]byte, error) {
	if len(token) > tokenBytesMax {
		return nil, fmt.Errorf("more than %d bytes", tokenBytesMax)
	}
	if strings.Contains(token, "=") {
		return nil, errors.New("padding, which RFC 7515 rules out") // the library takes it off
	}
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256})
	if err != nil {
		return nil, err
	}
	head := parsed.Signatures[0].Header
	for _, refused := range []jose.HeaderKey{"crit", "b64"} {
		if _, there := head.ExtraHeaders[refused]; there {
			return nil, fmt.Errorf("%s in the header", refused)
		}
	}
	key, err := k.find(head.KeyID, head.Algorithm)
	if err != nil {
		return nil, err
	}
	return parsed.Verify(key)
}
