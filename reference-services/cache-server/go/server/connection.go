package server

import "crypto/subtle"

// version is the Redis whose commands these are.
const version = "7.0.15"

func connectionCommands() []command {
	one := func(name string, arity int, flags uint32, since, summary string, run handler) command {
		return command{name: name, arity: arity, flags: flags, run: run,
			group: "connection", since: since, summary: summary}
	}
	client := one("client", -2, 0, "2.4.0", "Asks about clients and manages them.", nil)
	client.subs = clientCommands()
	return []command{
		one("ping", -1, flagFast, "1.0.0", "Answers PONG, or its argument.", ping),
		one("echo", 2, flagFast, "1.0.0", "Answers its argument.", echo),
		one("quit", -1, flagFast|flagNoAuth|flagNow, "1.0.0", "Closes the connection.", quit),
		one("reset", 1, flagFast|flagNoAuth|flagNow, "6.2.0", "Makes the connection as new.", reset),
		one("select", 2, flagFast, "1.0.0", "Chooses the database.", selectDB),
		one("auth", -2, flagFast|flagNoAuth, "1.0.0", "Authenticates the connection.", auth),
		one("hello", -1, flagFast|flagNoAuth, "6.0.0", "Chooses the protocol.", hello),
		client,
	}
}

func ping(c *client, args [][]byte) {
	switch len(args) {
	case 1:
		c.out.Simple("PONG")
	case 2:
		c.out.Bulk(args[1])
	default:
		c.fail("ERR wrong number of arguments for 'ping' command")
	}
}

func echo(c *client, args [][]byte) { c.out.Bulk(args[1]) }

func quit(c *client, _ [][]byte) {
	c.out.OK()
	c.last = true
}

func reset(c *client, _ [][]byte) {
	c.endTransaction()
	c.view.DB = 0
	c.out.Proto = 2
	c.name.Store(nil)
	c.noEvict.Store(false)
	c.know(*c.server.password.Load() == "")
	c.show()
	c.out.Simple("RESET")
}

func (c *client) know(known bool) {
	c.known, c.in.Unknown = known, !known
}

func selectDB(c *client, args [][]byte) {
	if db, ok := c.dbArg(args[1]); ok {
		c.view.DB = db
		c.show()
		c.out.OK()
	}
}

const errWrongPass = "WRONGPASS invalid username-password pair or user is disabled."

// authenticate says whether a user has a password. Without one configured, any will do.
func (c *client) authenticate(user, password []byte) bool {
	want := *c.server.password.Load()
	if string(user) != "default" {
		return false
	}
	return want == "" || subtle.ConstantTimeCompare([]byte(want), password) == 1
}

func auth(c *client, args [][]byte) {
	if len(args) > 3 {
		c.fail(errSyntax)
		return
	}
	user, password := []byte("default"), args[len(args)-1]
	if len(args) == 3 {
		user = args[1]
	} else if *c.server.password.Load() == "" {
		c.fail("ERR AUTH <password> called without any password configured for the default user." +
			" Are you sure your configuration is correct?")
		return
	}
	if !c.authenticate(user, password) {
		c.fail(errWrongPass)
		return
	}
	c.know(true)
	c.out.OK()
}

func hello(c *client, args [][]byte) {
	proto := c.out.Proto
	if len(args) > 1 {
		n, ok := integer(args[1])
		if !ok {
			c.fail("ERR Protocol version is not an integer or out of range")
			return
		}
		if n < 2 || n > 3 {
			c.fail("NOPROTO unsupported protocol version")
			return
		}
		proto = int(n)
	}
	// Options take effect one after another, even if a later one is wrong.
	for i := 2; i < len(args); {
		switch left := len(args) - i - 1; {
		case is(args[i], "AUTH") && left >= 2:
			if !c.authenticate(args[i+1], args[i+2]) {
				c.fail(errWrongPass)
				return
			}
			c.know(true)
			i += 3
		case is(args[i], "SETNAME") && left >= 1:
			if text := nameFault(args[i+1], "Client names", "client name"); text != "" {
				c.fail(text)
				return
			}
			c.setName(args[i+1])
			i += 2
		default:
			c.fail("ERR Syntax error in HELLO option '" + shown(args[i], len(args[i])) + "'")
			return
		}
	}
	if !c.known {
		c.fail("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO" +
			" AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol" +
			" version at the same time")
		return
	}
	c.out.Proto = proto
	c.show()
	c.greet()
}

func (c *client) greet() {
	c.out.Map(7)
	c.out.Text("server")
	c.out.Text("redis")
	c.out.Text("version")
	c.out.Text(version)
	c.out.Text("proto")
	c.out.Int(int64(c.out.Proto))
	c.out.Text("id")
	c.out.Int(c.id)
	c.out.Text("mode")
	c.out.Text("standalone")
	c.out.Text("role")
	c.out.Text("master")
	c.out.Text("modules")
	c.out.Array(0)
}

// nameFault says what is wrong with a name that a client gives; what and subject begin the errors.
func nameFault(name []byte, what, subject string) string {
	if len(name) > nameBytesMax {
		return "ERR " + subject + " exceeds maximum allowed size (256 bytes)"
	}
	for _, b := range name {
		if b < '!' || b > '~' {
			return "ERR " + what + " cannot contain spaces, newlines or special characters."
		}
	}
	return ""
}

func (c *client) setName(name []byte) {
	if len(name) == 0 {
		c.name.Store(nil)
		return
	}
	text := string(name)
	c.name.Store(&text)
}
