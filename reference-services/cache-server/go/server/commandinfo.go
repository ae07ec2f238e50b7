package server

import "math/bits"

// flagNames are the flags that COMMAND INFO shows, by their bits.
var flagNames = [...]string{"write", "readonly", "denyoom", "fast", "admin"}

const flagsShown = 1<<len(flagNames) - 1

func commandAll(c *client, _ [][]byte) {
	c.out.Array(len(commandList))
	for _, cmd := range commandList {
		c.describeCommand(cmd)
	}
}

func commandInfo(c *client, args [][]byte) {
	if len(args) == 2 {
		commandAll(c, nil)
		return
	}
	c.out.Array(len(args) - 2)
	for _, name := range args[2:] {
		if cmd := lookup(name); cmd != nil {
			c.describeCommand(cmd)
		} else {
			c.out.Null()
		}
	}
}

func (c *client) describeCommand(cmd *command) {
	c.out.Array(10)
	c.out.Text(cmd.name)
	c.out.Int(int64(cmd.arity))
	flags := cmd.flags & flagsShown
	c.out.Set(bits.OnesCount32(flags))
	for i, name := range flagNames {
		if flags>>i&1 == 1 {
			c.out.Simple(name)
		}
	}
	c.out.Int(int64(cmd.first))
	c.out.Int(int64(cmd.last))
	c.out.Int(int64(cmd.step))
	c.out.Set(0)
	c.out.Array(0)
	c.out.Array(0)
	c.out.Array(0)
}

func commandDocs(c *client, args [][]byte) {
	listed := commandList
	if len(args) > 2 {
		listed = nil
		for _, name := range args[2:] {
			if cmd := lookup(name); cmd != nil {
				listed = append(listed, cmd)
			}
		}
	}
	c.out.Map(len(listed))
	for _, cmd := range listed {
		c.out.Text(cmd.name)
		c.out.Map(3)
		c.out.Text("summary")
		c.out.Text(cmd.summary)
		c.out.Text("since")
		c.out.Text(cmd.since)
		c.out.Text("group")
		c.out.Text(cmd.group)
	}
}
