package server

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestCommandTable holds the table against the one that the conformance suite goes by.
func TestCommandTable(t *testing.T) {
	file, err := os.Open("../../../conformance/vectors/cache/commands.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seen := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		seen++
		name, _, _ := strings.Cut(lines.Text(), " ")
		cmd := commands[name]
		if cmd == nil {
			t.Errorf("no %s", name)
			continue
		}
		var flags []string
		for i, flag := range flagNames {
			if cmd.flags>>i&1 == 1 {
				flags = append(flags, flag)
			}
		}
		if flags == nil {
			flags = []string{"-"}
		}
		got := fmt.Sprint(cmd.name, " ", cmd.arity, " ", cmd.first, " ", cmd.last, " ", cmd.step, " ",
			strings.Join(flags, ","), " ", cmd.since, " ", cmd.group)
		if !sameFlags(got, lines.Text()) {
			t.Errorf("got  %s\nwant %s", got, lines.Text())
		}
	}
	if seen != len(commandList) {
		t.Errorf("%d commands, want %d", len(commandList), seen)
	}
}

// sameFlags compares two rows, whose flags may be in any order.
func sameFlags(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if i == 5 {
			count := func(text string) map[string]bool {
				set := map[string]bool{}
				for _, flag := range strings.Split(text, ",") {
					set[flag] = true
				}
				return set
			}
			if fmt.Sprint(count(x[i])) != fmt.Sprint(count(y[i])) {
				return false
			}
		} else if x[i] != y[i] {
			return false
		}
	}
	return true
}
