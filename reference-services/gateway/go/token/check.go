package token

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4/json" // strict about case and repeated names
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	tokenBytesMax   = 8 * 1024
	subjectBytesMax = 255
)

// Errors that a check may end with; both are wrapped in what happened.
var (
	ErrInvalid     = errors.New("the token is not good")
	ErrUnavailable = errors.New("the token could not be checked")
)

// Checker finds the subject of a token. The header goes along where a check asks a service.
type Checker interface {
	Check(ctx context.Context, token string, header http.Header) (string, error)
}

// Local checks by keys that may be replaced at any time.
type Local struct {
	Keys     atomic.Pointer[Keys]
	Issuer   string
	Audience string
	Leeway   time.Duration
	Now      func() time.Time
}

// Check verifies the signature first, then the claims.
func (l *Local) Check(_ context.Context, token string, _ http.Header) (string, error) {
	subject, err := l.check(token)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return subject, nil
}

func (l *Local) check(token string) (string, error) {
	payload, err := l.Keys.Load().Verify(token)
	if err != nil {
		return "", err
	}
	var claims jwt.Claims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return "", err
	}
	if claims.Expiry == nil {
		return "", errors.New("no exp")
	}
	expected := jwt.Expected{Issuer: l.Issuer, AnyAudience: jwt.Audience{l.Audience}, Time: l.Now()}
	if err := claims.ValidateWithLeeway(expected, l.Leeway); err != nil {
		return "", err
	}
	return claims.Subject, checkSubject(claims.Subject)
}

// checkSubject makes sure that a subject can stand in a field.
func checkSubject(subject string) error {
	if len(subject) < 1 || len(subject) > subjectBytesMax {
		return fmt.Errorf("sub has %d bytes, not 1 to %d", len(subject), subjectBytesMax)
	}
	for _, b := range []byte(subject) {
		if b <= ' ' || b >= 0x7f {
			return errors.New("sub is not visible ASCII")
		}
	}
	return nil
}
