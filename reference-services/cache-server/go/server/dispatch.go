package server

import (
	"strings"

	"cacheserver/store"
)

// Limits on names, in bytes.
const (
	keyBytesMax   = 65_535
	nameBytesMax  = 256
	errTooLong    = "exceeds maximum allowed size (65535 bytes)"
	commandsMax   = 128
	nameLetters   = 32 // no name of a command is longer
	errShownBytes = 128
	commandNone   = 1<<32 - 1 // before a client's first command
)

// Flags of a command, as COMMAND INFO shows them, and one of ours.
const (
	flagWrite = 1 << iota
	flagReadonly
	flagDenyOOM
	flagFast
	flagAdmin
	flagAllShards // needs all shards
	flagScan      // goes through the shards one by one: a transaction holds all for it
	flagNoAuth    // for clients that are not yet known
	flagNow       // runs at once in a transaction
)

// command is an entry of the table, or a subcommand of one. A negative arity is a least count of
// arguments, its name included. Keys stand from first to last, a negative one counted from the end,
// every step.
type command struct {
	name              string // of a subcommand as client|list
	arity             int
	flags             uint32
	first, last, step int
	run               handler
	group             string
	since, summary    string
	subs              []command
	// Its counter, which subcommands share, and its place among all commands and subcommands.
	counter, place uint32
}

type handler func(c *client, args [][]byte)

// commands finds a command by its name in small letters.
var commands = map[string]*command{}

// commandList is the table in its order, and leaves is it with all subcommands.
var commandList, leaves []*command

func init() {
	for _, part := range [][]command{
		connectionCommands(), serverCommands(), stringCommands(), bitCommands(), keyCommands(),
		hashCommands(), transactionCommands(),
	} {
		for i := range part {
			enter(&part[i])
		}
	}
	if len(commandList) > commandsMax {
		panic("more commands than counters")
	}
}

func enter(cmd *command) {
	cmd.counter, cmd.place = uint32(len(commandList)), uint32(len(leaves))
	commandList = append(commandList, cmd)
	leaves = append(leaves, cmd)
	commands[cmd.name] = cmd
	for i := range cmd.subs {
		sub := &cmd.subs[i]
		sub.name = cmd.name + "|" + sub.name
		sub.counter, sub.place = cmd.counter, uint32(len(leaves))
		leaves = append(leaves, sub)
	}
}

// lookup finds a command whatever the case of its letters.
func lookup(name []byte) *command {
	var low [nameLetters]byte
	if len(name) > len(low) {
		return nil
	}
	for i, b := range name {
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		low[i] = b
	}
	return commands[string(low[:len(name)])]
}

// run answers one command.
func (c *client) run(args [][]byte) {
	cmd := lookup(args[0])
	if cmd == nil {
		if isHTTP(args[0]) {
			c.last = true
			return
		}
		c.reject(unknown(args))
		return
	}
	if cmd.subs != nil && len(args) > 1 {
		sub := cmd.sub(args[1])
		if sub == nil {
			c.reject("ERR unknown subcommand '" + shown(args[1], errShownBytes) + "'. Try " +
				strings.ToUpper(cmd.name) + " HELP.")
			return
		}
		cmd = sub
	}
	if c.command.Load() != cmd.place {
		c.command.Store(cmd.place)
	}
	switch {
	case !arityFits(cmd.arity, len(args)) || cmd.subs != nil && cmd.run == nil:
		c.refuse(cmd, "ERR ", "wrong number of arguments for '"+cmd.name+"' command")
	case !c.known && cmd.flags&flagNoAuth == 0:
		c.refuse(cmd, "", "NOAUTH Authentication required.")
	case cmd.first > 0 && !cmd.keysFit(args):
		c.reject("ERR key " + errTooLong)
	case c.tx.open && cmd.flags&flagNow == 0:
		c.queue(cmd, args)
	default:
		c.execute(cmd, args)
	}
}

// refuse rejects a command. A refused EXEC ends its transaction.
func (c *client) refuse(cmd *command, kind, text string) {
	if cmd.name != "exec" {
		c.reject(kind + text)
		return
	}
	c.endTransaction()
	c.fail("EXECABORT Transaction discarded because of: " + text)
}

// isHTTP is whether this is how a line of HTTP begins. What a page in somebody's browser sends here has
// commands of its choice in the lines that follow.
func isHTTP(name []byte) bool {
	return strings.EqualFold(string(name), "post") || strings.EqualFold(string(name), "host:")
}

// sub finds a subcommand whatever the case of its letters.
func (cmd *command) sub(name []byte) *command {
	for i := range cmd.subs {
		if strings.EqualFold(cmd.subs[i].name[len(cmd.name)+1:], string(name)) {
			return &cmd.subs[i]
		}
	}
	return nil
}

// execute runs a command with the shards of its keys locked.
func (c *client) execute(cmd *command, args [][]byte) {
	set := c.shardsOf(cmd, args)
	c.server.store.Lock(set)
	c.view.Held = set
	c.count.commands[cmd.counter].Add(1)
	cmd.run(c, args)
	c.view.Held = 0
	c.server.store.Unlock(set)
}

// shardsOf is the set of the shards of a command's keys, or of all that it needs to hold.
func (c *client) shardsOf(cmd *command, args [][]byte) store.LockSet {
	if cmd.flags&flagAllShards != 0 {
		return c.server.store.All()
	}
	if cmd.first == 0 {
		return 0
	}
	if cmd.last == cmd.first {
		return c.server.store.Of(args[cmd.first])
	}
	set := store.LockSet(0)
	for i := range cmd.keys(len(args)) {
		set |= c.server.store.Of(args[i])
	}
	return set
}

// keys are the places of a command's keys among n arguments.
func (cmd *command) keys(n int) func(yield func(int) bool) {
	last := cmd.last
	if last < 0 {
		last += n
	}
	return func(yield func(int) bool) {
		for i := cmd.first; i <= last && i < n; i += cmd.step {
			if !yield(i) {
				return
			}
		}
	}
}

func (cmd *command) keysFit(args [][]byte) bool {
	if cmd.last == cmd.first {
		return len(args[cmd.first]) <= keyBytesMax
	}
	for i := range cmd.keys(len(args)) {
		if len(args[i]) > keyBytesMax {
			return false
		}
	}
	return true
}

func arityFits(arity, n int) bool { return arity == n || arity < 0 && n >= -arity }

// unknown is the error for a command that is not in the table.
func unknown(args [][]byte) string {
	var rest strings.Builder
	for _, arg := range args[1:] {
		if rest.Len() >= errShownBytes {
			break
		}
		rest.WriteString("'" + shown(arg, errShownBytes-rest.Len()) + "' ")
	}
	return "ERR unknown command '" + shown(args[0], errShownBytes) + "', with args beginning with: " + rest.String()
}

// shown is the beginning of some bytes, up to a zero byte.
func shown(b []byte, most int) string {
	text := string(b[:min(len(b), most)])
	if i := strings.IndexByte(text, 0); i >= 0 {
		text = text[:i]
	}
	return text
}

// fail answers an error.
func (c *client) fail(text string) {
	c.count.errors.Add(1)
	c.out.Error(text)
}

// reject is fail before the command ran: an open transaction cannot be executed then.
func (c *client) reject(text string) {
	c.fail(text)
	if c.tx.open {
		c.tx.broken = true
	}
}

// Errors that many commands answer.
const (
	errSyntax     = "ERR syntax error"
	errNotInteger = "ERR value is not an integer or out of range"
	errNotFloat   = "ERR value is not a valid float"
	errWrongType  = "WRONGTYPE Operation against a key holding the wrong kind of value"
	errOOM        = "OOM command not allowed when used memory > 'maxmemory'."
	errNoKey      = "ERR no such key"
	errDB         = "ERR DB index is out of range"
)
