// Package config reads the gateway's table. The contract names every key, its range and its default.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

const fileBytesMax = 1 << 20

// Table is everything that one file says, checked.
type Table struct {
	Server    Server              `toml:"server"`
	Upstreams map[string]Upstream `toml:"upstream"`
	Auths     map[string]Auth     `toml:"auth"`
	Rates     map[string]Rate     `toml:"rate"`
	Routes    []Route             `toml:"route"`

	file   string
	places positions
}

// Fault is one at a key, such as "auth.staff.jwks_file", that only its use has shown.
func (t *Table) Fault(path, what string, args ...any) error {
	err := t.places.fault(path, what, args...)
	var fault Fault
	if errors.As(err, &fault) {
		fault.File = t.file
		return fault
	}
	return err
}

// Server is what holds for all routes.
type Server struct {
	InFlightMax    int64 `toml:"in_flight_max"`
	ConnectionsMax int64 `toml:"connections_max"`
	HeadMS         int64 `toml:"head_ms"`
	ClientIdleMS   int64 `toml:"client_idle_ms"`
	DrainMS        int64 `toml:"drain_ms"`
}

// Upstream is a set of addresses that answer alike.
type Upstream struct {
	Addresses       []string `toml:"addresses"`
	InFlightMax     int64    `toml:"in_flight_max"`
	ConnectMS       int64    `toml:"connect_ms"`
	HeadMS          int64    `toml:"head_ms"`
	BodyIdleMS      int64    `toml:"body_idle_ms"`
	BreakerFailures int64    `toml:"breaker_failures"`
	BreakerOpenMS   int64    `toml:"breaker_open_ms"`
	RetryPercent    int64    `toml:"retry_percent"`
}

// Auth says how tokens are checked: by the keys of a file, or by a service.
type Auth struct {
	JWKSFile  string `toml:"jwks_file"`
	Issuer    string `toml:"issuer"`
	Audience  string `toml:"audience"`
	LeewayS   int64  `toml:"leeway_s"`
	VerifyURL string `toml:"verify_url"`
	VerifyMS  int64  `toml:"verify_ms"`
}

// Rate is a token bucket for each client.
type Rate struct {
	PerMinute int64  `toml:"per_minute"`
	Burst     int64  `toml:"burst"`
	By        string `toml:"by"`
}

// Route says which requests go where, and how.
type Route struct {
	Name         string   `toml:"name"`
	Path         string   `toml:"path"`
	Host         string   `toml:"host"`
	Methods      []string `toml:"methods"`
	Upstream     string   `toml:"upstream"`
	Auth         string   `toml:"auth"`
	Rate         string   `toml:"rate"`
	TimeoutMS    int64    `toml:"timeout_ms"`
	BodyBytesMax int64    `toml:"body_bytes_max"`
	Attempts     int64    `toml:"attempts"`
	HedgeMS      int64    `toml:"hedge_ms"`
}

// Fault is what is wrong with a file, and where.
type Fault struct {
	File         string
	Line, Column int // from 1; 0 where the file as a whole is at fault
	What         string
}

func (f Fault) Error() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s", f.File, f.What)
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.What)
}

// Load reads and checks a table. Every error is a Fault.
func Load(file string) (*Table, error) {
	text, err := readAtMost(file, fileBytesMax)
	if err != nil {
		return nil, Fault{File: file, What: err.Error()}
	}
	table, err := parse(text)
	var fault Fault
	if errors.As(err, &fault) {
		fault.File = file
		return nil, fault
	}
	table.file = file
	for name, auth := range table.Auths {
		if auth.JWKSFile != "" && !filepath.IsAbs(auth.JWKSFile) {
			auth.JWKSFile = filepath.Join(filepath.Dir(file), auth.JWKSFile)
			table.Auths[name] = auth
		}
	}
	return table, nil
}

func readAtMost(file string, bytesMax int) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err == nil && len(text) > bytesMax {
		err = fmt.Errorf("more than %d bytes", bytesMax)
	}
	return text, err
}

func parse(text []byte) (*Table, error) {
	places := locate(text)
	table := &Table{}
	decoder := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := decoder.Decode(table); err != nil {
		return nil, decodeFault(err)
	}
	fill(table, places)
	table.places = places
	return table, check(table, places)
}

// decodeFault translates what the library found: broken TOML, an unknown key, another type.
func decodeFault(err error) error {
	var missing *toml.StrictMissingError
	if errors.As(err, &missing) && len(missing.Errors) > 0 {
		first := missing.Errors[0]
		line, column := first.Position()
		what := fmt.Sprintf("there is no key %s", strings.Join(first.Key(), "."))
		return Fault{Line: line, Column: column, What: what}
	}
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		line, column := wrong.Position()
		return Fault{Line: line, Column: column, What: strings.TrimPrefix(wrong.Error(), "toml: ")}
	}
	return Fault{What: err.Error()}
}

// Milliseconds is a number of them as a duration.
func Milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }
