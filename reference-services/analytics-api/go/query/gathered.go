package query

// gathered is values with the number of their cell, in pieces, so that no growing copies them.
type gathered struct {
	pieces []*piece
	used   int // pieces with rows
}

const pieceRows = 8192

type piece struct {
	rows   int
	one    uint32   // the cell of all rows if cells is nil
	cells  []uint32 // of each row
	values [pieceRows]float64
}

// room returns a piece with room for a row.
func (g *gathered) room() *piece {
	if g.used > 0 && g.pieces[g.used-1].rows < pieceRows {
		return g.pieces[g.used-1]
	}
	if g.used == len(g.pieces) {
		g.pieces = append(g.pieces, &piece{})
	}
	p := g.pieces[g.used]
	p.rows, p.cells = 0, nil
	g.used++
	return p
}

// spread makes a piece one whose rows may be of several cells.
func (p *piece) spread() {
	if p.cells == nil {
		p.cells = make([]uint32, pieceRows)
		for i := range p.rows {
			p.cells[i] = p.one
		}
	}
}

// addRows adds values, each of its own cell.
func (g *gathered) addRows(cells []uint32, values []float64) {
	for len(values) > 0 {
		p := g.room()
		p.spread()
		n := copy(p.values[p.rows:], values)
		copy(p.cells[p.rows:], cells[:n])
		p.rows += n
		cells, values = cells[n:], values[n:]
	}
}

// addAll adds values of one cell.
func (g *gathered) addAll(cell uint32, values []float64) {
	for len(values) > 0 {
		p := g.room()
		if p.rows == 0 {
			p.one = cell
		} else if p.cells != nil || p.one != cell {
			p.spread()
		}
		n := copy(p.values[p.rows:], values)
		if p.cells != nil {
			for i := p.rows; i < p.rows+n; i++ {
				p.cells[i] = cell
			}
		}
		p.rows += n
		values = values[n:]
	}
}

// renumber gives the cells other numbers.
func (g *gathered) renumber(numbers []uint32) {
	for _, p := range g.pieces[:g.used] {
		if p.cells == nil {
			p.one = numbers[p.one]
			continue
		}
		for i, cell := range p.cells[:p.rows] {
			p.cells[i] = numbers[cell]
		}
	}
}

// byCell returns the values of the cells from low up to but not high, cell by cell, and where each
// cell's end. count has the rows of every cell.
func (g *gathered) byCell(count []uint64, low, high int) (values []float64, ends []int) {
	// The values of other cells all go to one place behind the end: choosing where is cheaper than
	// a branch that cannot be predicted.
	others := uint32(high - low)
	ends = make([]int, others+1)
	total := 0
	for i := range ends[:others] {
		ends[i] = total
		total += int(count[low+i])
	}
	ends[others] = total
	values = make([]float64, total+1)
	for _, p := range g.pieces[:g.used] {
		if p.cells == nil {
			if at := p.one - uint32(low); at < others {
				ends[at] += copy(values[ends[at]:], p.values[:p.rows])
			}
			continue
		}
		for i, cell := range p.cells[:p.rows] {
			at := min(cell-uint32(low), others)
			values[ends[at]] = p.values[i]
			ends[at]++
			ends[others] = total
		}
	}
	return values[:total], ends[:others]
}
