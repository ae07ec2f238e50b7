package jsontree

import (
	"math"
	"strconv"
	"testing"
)

// The samples of RFC 8785, appendix B, without NaN and infinity, which JSON does not have.
func TestNumbersAreWrittenAsECMAScriptDoes(t *testing.T) {
	for _, c := range []struct {
		bits uint64
		want string
	}{
		{0x0000000000000000, "0"},
		{0x8000000000000000, "0"},
		{0x0000000000000001, "5e-324"},
		{0x8000000000000001, "-5e-324"},
		{0x7fefffffffffffff, "1.7976931348623157e+308"},
		{0xffefffffffffffff, "-1.7976931348623157e+308"},
		{0x4340000000000000, "9007199254740992"},
		{0xc340000000000000, "-9007199254740992"},
		{0x4430000000000000, "295147905179352830000"},
		{0x44b52d02c7e14af5, "9.999999999999997e+22"},
		{0x44b52d02c7e14af6, "1e+23"},
		{0x44b52d02c7e14af7, "1.0000000000000001e+23"},
		{0x444b1ae4d6e2ef4e, "999999999999999700000"},
		{0x444b1ae4d6e2ef4f, "999999999999999900000"},
		{0x444b1ae4d6e2ef50, "1e+21"},
		{0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
		{0x3eb0c6f7a0b5ed8d, "0.000001"},
		{0x41b3de4355555553, "333333333.3333332"},
		{0x41b3de4355555554, "333333333.33333325"},
		{0x41b3de4355555555, "333333333.3333333"},
		{0x41b3de4355555556, "333333333.3333334"},
		{0x41b3de4355555557, "333333333.33333343"},
		{0xbecbf647612f3696, "-0.0000033333333333333333"},
		{0x43143ff3c1cb0959, "1424953923781206.2"},
		{math.Float64bits(1e100), "1e+100"},
		{math.Float64bits(1e-100), "1e-100"},
		{math.Float64bits(-1.5e-9), "-1.5e-9"},
	} {
		got := string(appendES6(nil, math.Float64frombits(c.bits)))
		if got != c.want {
			t.Errorf("%#x: got %s, want %s", c.bits, got, c.want)
		}
		if back, err := strconv.ParseFloat(got, 64); err != nil || back != math.Float64frombits(c.bits) {
			t.Errorf("%s does not read back: %v, %v", got, back, err)
		}
	}
}
