package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// certified makes a certificate for 127.0.0.1 that signs itself: what the server needs, and what a
// client does.
func certified(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return &tls.Config{Certificates: []tls.Certificate{pair}}, &tls.Config{RootCAs: roots}
}

func dialTLS(t *testing.T, s running, config *tls.Config) *peer {
	t.Helper()
	conn, err := tls.Dial("tcp", s.tls.Listener.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{Conn: conn, in: bufio.NewReader(conn)}
}

func TestTLSSlowReaders(t *testing.T) {
	server, client := certified(t)
	s := start(t, testConfig{secure: server, stall: 2 * writeStep})
	patient, stalled := dialTLS(t, s, client), dialTLS(t, s, client)
	value := strings.Repeat("x", 1<<20)
	patient.ask(t, "SET", "k", value)
	gets := strings.Repeat(encode("GET", "k"), 40)
	for _, p := range []*peer{patient, stalled} {
		if _, err := io.WriteString(p, gets); err != nil {
			t.Fatal(err)
		}
	}
	// Longer than one write waits: what was begun must be finished all the same.
	time.Sleep(writeStep + writeStep/4)
	reply := make([]byte, len("$1048576\r\n")+len(value)+2)
	for i := range 40 {
		if _, err := io.ReadFull(patient.in, reply); err != nil || reply[11] != 'x' || reply[len(reply)-3] != 'x' {
			t.Fatalf("reply %d: %v", i, err)
		}
	}
	eventually(t, "the other is closed", 20*time.Second, func() bool { return s.closed[closedStalled].Load() == 1 })
	eventually(t, "it is forgotten", time.Second, func() bool { return s.clientCount() == 1 })
	if got := patient.ask(t, "PING"); got != "+PONG\r\n" {
		t.Errorf("PING: %q", got)
	}
}

func TestTLSNeedsAHandshake(t *testing.T) {
	server, client := certified(t)
	s := start(t, testConfig{secure: server, handshake: 200 * time.Millisecond})
	served := dialTLS(t, s, client)
	for _, said := range []string{"", "PING\r\n"} {
		conn, err := net.Dial("tcp", s.tls.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, said)
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if got, _ := io.ReadAll(conn); strings.Contains(string(got), "PONG") {
			t.Errorf("answered %q", got)
		}
		_ = conn.Close()
	}
	eventually(t, "both are counted", time.Second, func() bool { return s.closed[closedTLS].Load() == 2 })
	// Who has agreed in time may be silent for longer.
	if got := served.ask(t, "PING"); got != "+PONG\r\n" {
		t.Errorf("PING: %q", got)
	}
}

func TestTLSEndIsTold(t *testing.T) {
	server, client := certified(t)
	s := start(t, testConfig{secure: server})
	p := dialTLS(t, s, client)
	if got := p.ask(t, "QUIT"); got != "+OK\r\n" {
		t.Errorf("QUIT: %q", got)
	}
	// Without TLS's own end this would be io.ErrUnexpectedEOF.
	if _, err := p.in.ReadByte(); err != io.EOF {
		t.Errorf("after QUIT: %v", err)
	}
}
