package token

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	answerBytesMax     = 16 * 1024
	remoteConnectsKept = 64
)

// Remote asks a service. It lets nobody in when the service does not answer as it should.
type Remote struct {
	url     string
	timeout time.Duration
	client  http.Client
}

// NewRemote asks the service at a URL and waits so long for its whole answer.
func NewRemote(url string, timeout time.Duration) *Remote {
	transport := &http.Transport{
		MaxIdleConns:           remoteConnectsKept,
		MaxIdleConnsPerHost:    remoteConnectsKept,
		DisableCompression:     true,
		MaxResponseHeaderBytes: answerBytesMax,
	}
	never := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Remote{url: url, timeout: timeout, client: http.Client{Transport: transport, CheckRedirect: never}}
}

// Check asks once; answers are not kept.
func (r *Remote) Check(ctx context.Context, token string, header http.Header) (string, error) {
	if len(token) > tokenBytesMax {
		return "", fmt.Errorf("%w: more than %d bytes", ErrInvalid, tokenBytesMax)
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	status, body, err := r.ask(ctx, token, header)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch status {
	case http.StatusUnauthorized:
		return "", fmt.Errorf("%w: the service says so", ErrInvalid)
	case http.StatusOK:
	default:
		return "", fmt.Errorf("%w: status %d", ErrUnavailable, status)
	}
	var answer struct {
		Subject string `json:"subject"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := checkSubject(answer.Subject); err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return answer.Subject, nil
}

func (r *Remote) ask(ctx context.Context, token string, header http.Header) (int, []byte, error) {
	question, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		return 0, nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(question))
	if err != nil {
		return 0, nil, err
	}
	request.Header = header.Clone()
	request.Header.Set("Content-Type", "application/json")
	response, err := r.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax+1))
	if err == nil && len(body) > answerBytesMax {
		err = fmt.Errorf("more than %d bytes", answerBytesMax)
	}
	return response.StatusCode, body, err
}

// Close lets go of connections that are kept.
func (r *Remote) Close() { r.client.CloseIdleConnections() }
