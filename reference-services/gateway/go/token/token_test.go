package token

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The examples of RFC 8037 A.4 and RFC 7515 A.3.
const (
	rfcEd25519Key   = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	rfcEd25519Token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
	rfcES256Key     = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	rfcES256Token   = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)

func keys(t *testing.T, text ...string) *Keys {
	t.Helper()
	parsed, err := ParseKeys([]byte(`{"keys":[` + strings.Join(text, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestRFCExamples(t *testing.T) {
	for _, c := range []struct{ key, token, payload string }{
		{rfcEd25519Key, rfcEd25519Token, "Example of Ed25519 signing"},
		{rfcES256Key, rfcES256Token, "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"},
	} {
		payload, err := keys(t, c.key).Verify(c.token)
		if err != nil || string(payload) != c.payload {
			t.Errorf("%q, %v", payload, err)
		}
		other := map[string]string{rfcEd25519Key: rfcES256Key, rfcES256Key: rfcEd25519Key}[c.key]
		if _, err := keys(t, other).Verify(c.token); err == nil {
			t.Error("verified by a key of another kind")
		}
		at := strings.LastIndexByte(c.token, '.') + 1
		forged := c.token[:at] + strings.Repeat("A", len(c.token)-at)
		if _, err := keys(t, c.key).Verify(forged); err == nil {
			t.Error("a signature of zeros")
		}
	}
}

func TestKeySets(t *testing.T) {
	with := func(key, member string) string { return strings.Replace(key, "{", "{"+member+",", 1) }
	refused := []string{
		``, `{}`, `{"keys":[]}`, `{"keys":[{"kty":"oct","k":"AAAA"}]}`,
		`{"keys":[` + with(rfcEd25519Key, `"use":"enc"`) + `]}`,
		`{"keys":[` + with(rfcEd25519Key, `"alg":"ES256"`) + `]}`,
		`{"keys":[` + with(rfcEd25519Key, `"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"`) + `]}`,
		`{"keys":[` + rfcEd25519Key + `,` + rfcES256Key + `]}`, // no kid twice
		`{"keys":[` + strings.Replace(rfcEd25519Key, "11qY", "11q", 1) + `]}`,
		`{"keys":[` + strings.Replace(rfcES256Key, "f83O", "f83P", 1) + `]}`, // not on the curve
		`{"keys":[` + rfcEd25519Key + `]}` + strings.Repeat(" ", keysBytesMax),
	}
	for _, text := range refused {
		if _, err := ParseKeys([]byte(text)); err == nil {
			t.Errorf("taken: %.200s", text)
		}
	}
	two := keys(t, with(rfcEd25519Key, `"kid":"a"`), with(rfcES256Key, `"kid":"b"`), `{"kty":"RSA","n":"x"}`)
	if _, err := two.Verify(rfcEd25519Token); err == nil {
		t.Error("no kid, two keys")
	}
}

var (
	private = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	now     = time.Unix(1_800_000_000, 0)
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func sign(head, claims string) string {
	signed := encode(head) + "." + encode(claims)
	return signed + "." + encode(string(ed25519.Sign(private, []byte(signed))))
}

func checker(t *testing.T) *Local {
	public, _ := private.Public().(ed25519.PublicKey)
	l := &Local{Issuer: "i", Audience: "o", Leeway: 30 * time.Second, Now: func() time.Time { return now }}
	l.Keys.Store(keys(t, `{"kty":"OKP","crv":"Ed25519","kid":"k","x":"`+encode(string(public))+`"}`))
	return l
}

func TestClaims(t *testing.T) {
	const head = `{"alg":"EdDSA","kid":"k"}`
	claims := func(exp int64, more string) string {
		return fmt.Sprintf(`{"iss":"i","aud":"o","sub":"ann","exp":%d%s}`, exp, more)
	}
	unix := now.Unix()
	for _, c := range []struct {
		head, claims string
		good         bool
	}{
		{head, claims(unix, ""), true},
		{`{"alg":"EdDSA"}`, claims(unix, ""), true},
		{head, claims(unix-30, ""), true},
		{head, claims(unix-31, ""), false},
		{head, claims(unix, fmt.Sprintf(`,"nbf":%d,"iat":%d`, unix+30, unix+30)), true},
		{head, claims(unix, fmt.Sprintf(`,"nbf":%d`, unix+31)), false},
		{head, claims(unix, fmt.Sprintf(`,"iat":%d`, unix+31)), false},
		{head, claims(unix, `,"exp":9999999999`), false}, // twice
		{head, fmt.Sprintf(`{"iss":"i","aud":["x","o"],"sub":"ann","exp":%d}`, unix), true},
		{head, fmt.Sprintf(`{"iss":"i","aud":["x"],"sub":"ann","exp":%d}`, unix), false},
		{head, fmt.Sprintf(`{"iss":"j","aud":"o","sub":"ann","exp":%d}`, unix), false},
		{head, fmt.Sprintf(`{"iss":"i","aud":"o","sub":"","exp":%d}`, unix), false},
		{head, fmt.Sprintf(`{"iss":"i","aud":"o","sub":"a\r\nb","exp":%d}`, unix), false},
		{head, fmt.Sprintf(`{"iss":"i","aud":"o","exp":%d}`, unix), false},
		{head, `{"iss":"i","aud":"o","sub":"ann"}`, false},
		{head, `{"iss":"i","aud":"o","sub":"ann","exp":"9999999999"}`, false},
		{head, `{"iss":"i","aud":"o","sub":"ann","EXP":9999999999}`, false},
		{`{"alg":"EdDSA","kid":"other"}`, claims(unix, ""), false},
		{`{"alg":"ES256","kid":"k"}`, claims(unix, ""), false},
		{`{"alg":"none","kid":"k"}`, claims(unix, ""), false},
		{`{"alg":"EdDSA","kid":"k","crit":["exp"],"exp":1}`, claims(unix, ""), false},
		{`{"alg":"EdDSA","kid":"k","b64":true}`, claims(unix, ""), false},
		{`{"kid":"k"}`, claims(unix, ""), false},
	} {
		subject, err := checker(t).Check(t.Context(), sign(c.head, c.claims), nil)
		if good := err == nil && subject == "ann"; good != c.good || !good && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s %s: %q, %v", c.head, c.claims, subject, err)
		}
	}
}

// A public key used as an HMAC secret, the old trick, and other shapes of a token.
func TestForgeries(t *testing.T) {
	public, _ := private.Public().(ed25519.PublicKey)
	claims := encode(fmt.Sprintf(`{"iss":"i","aud":"o","sub":"bob","exp":%d}`, now.Unix()))
	signed := encode(`{"alg":"HS256","kid":"k"}`) + "." + claims
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(signed))
	good := sign(`{"alg":"EdDSA","kid":"k"}`, `{"iss":"i","aud":"o","sub":"ann","exp":1800000000}`)
	parts := strings.Split(good, ".")
	for _, token := range []string{
		signed + "." + encode(string(mac.Sum(nil))),
		encode(`{"alg":"none"}`) + "." + claims + ".",
		"", ".", "..", parts[0] + "." + parts[1], good + ".", good + "=", parts[0] + "." + claims + "." + parts[2],
		parts[0] + "." + parts[1] + "." + strings.Repeat("A", 9_000),
	} {
		if _, err := checker(t).Check(t.Context(), token, nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.80s: %v", token, err)
		}
	}
	if _, err := checker(t).Check(t.Context(), good, http.Header{}); err != nil {
		t.Error(err)
	}
}
