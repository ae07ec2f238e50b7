package server

import "cacheserver/store"

// Limits on transactions.
const (
	queuedMax      = 16_384
	queuedBytesMax = 64 << 20
	watchedMax     = 4_096
	// What a queued argument takes beside its bytes.
	queuedArgBytes = 24
)

// transaction is the state of MULTI and WATCH of a client.
type transaction struct {
	open, broken bool
	queue        []queued
	bytes        int // of the arguments of the queue
	argBytes     int
	watch        store.Watch
}

type queued struct {
	cmd  *command
	args [][]byte
}

func transactionCommands() []command {
	one := func(name string, arity int, flags uint32, since, summary string, run handler) command {
		return command{name: name, arity: arity, flags: flags | flagFast, run: run,
			group: "transactions", since: since, summary: summary}
	}
	exec := one("exec", 1, flagNow, "1.2.0", "Runs the queued commands.", exec)
	exec.flags &^= flagFast
	watch := one("watch", -2, flagNow, "2.2.0", "Watches keys until the next transaction.", watch)
	watch.first, watch.last, watch.step = 1, -1, 1
	return []command{
		one("multi", 1, flagNow, "1.2.0", "Begins a transaction.", multi),
		exec,
		one("discard", 1, flagNow, "2.0.0", "Gives up a transaction.", discard),
		watch,
		one("unwatch", 1, 0, "2.2.0", "Forgets the watched keys.", unwatch),
	}
}

// queue keeps a command for EXEC.
func (c *client) queue(cmd *command, args [][]byte) {
	bytes := 0
	for _, arg := range args {
		bytes += len(arg)
	}
	if len(c.tx.queue) >= queuedMax || c.tx.argBytes+bytes > queuedBytesMax {
		c.reject("ERR transaction exceeds maximum allowed size")
		return
	}
	kept := make([][]byte, len(args))
	all := make([]byte, 0, bytes)
	for i, arg := range args {
		from := len(all)
		all = append(all, arg...)
		kept[i] = all[from:len(all):len(all)]
	}
	c.tx.queue = append(c.tx.queue, queued{cmd, kept})
	c.tx.argBytes += bytes
	c.tx.bytes += bytes + len(args)*queuedArgBytes
	if !c.account() {
		c.last = true
		c.server.closed[closedBuffers].Add(1)
	}
	c.show()
	c.out.Simple("QUEUED")
}

// endTransaction forgets the transaction and what is watched.
func (c *client) endTransaction() {
	c.view.Unwatch(&c.tx.watch)
	c.tx.open, c.tx.broken = false, false
	c.tx.queue, c.tx.bytes, c.tx.argBytes = nil, 0, 0
	c.show()
}

func multi(c *client, _ [][]byte) {
	if c.tx.open {
		c.fail("ERR MULTI calls can not be nested")
		return
	}
	c.tx.open = true
	c.show()
	c.out.OK()
}

func discard(c *client, _ [][]byte) {
	if !c.tx.open {
		c.fail("ERR DISCARD without MULTI")
		return
	}
	c.endTransaction()
	c.out.OK()
}

func watch(c *client, args [][]byte) {
	if c.tx.open {
		c.fail("ERR WATCH inside MULTI is not allowed")
		return
	}
	for _, key := range args[1:] {
		if !c.view.Watch(&c.tx.watch, key, watchedMax) {
			c.fail("ERR too many watched keys")
			return
		}
	}
	c.show()
	c.out.OK()
}

func unwatch(c *client, _ [][]byte) {
	c.view.Unwatch(&c.tx.watch)
	c.show()
	c.out.OK()
}

func exec(c *client, _ [][]byte) {
	if !c.tx.open {
		c.fail("ERR EXEC without MULTI")
		return
	}
	if c.tx.broken {
		c.endTransaction()
		c.fail("EXECABORT Transaction discarded because of previous errors.")
		return
	}
	s := c.server.store
	set := c.tx.watch.LockSet(s)
	for _, q := range c.tx.queue {
		if q.cmd.flags&flagScan != 0 {
			set = s.All()
			break
		}
		set |= c.shardsOf(q.cmd, q.args)
	}
	s.Lock(set)
	c.view.Held = set
	queue, held := c.tx.queue, set
	changed := c.tx.watch.Dirty.Load() || c.view.Expired(&c.tx.watch)
	c.endTransaction()
	if changed {
		c.out.NullArray()
	} else {
		c.out.Array(len(queue))
		for _, q := range queue {
			c.command.Store(q.cmd.place)
			c.count.commands[q.cmd.counter].Add(1)
			q.cmd.run(c, q.args)
		}
	}
	c.view.Held = 0
	s.Unlock(held)
}
