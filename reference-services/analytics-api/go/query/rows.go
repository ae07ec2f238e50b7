package query

const batchRows = 4096

// rowBatch is rows of a part on their way to cells.
type rowBatch struct {
	rows   [batchRows]uint32 // those that match
	values [batchRows]float64
	cells  [batchRows]uint32
	codes  [batchRows]uint32
	cellOf []uint32 // cell + 1 of each code of the tag that is grouped by
}

// someRows takes up to batchRows rows of a key and bucket, step by step for all of them.
func (w *worker) someRows(c *cursor, key uint32, base dims, start, end int) {
	b := &w.batch
	n := w.match(c, start, end)
	w.events += uint64(n)
	if n == 0 {
		return
	}
	if w.keyAt > 0 && len(w.tags) == 1 && w.query.BucketMS == 0 {
		w.cellsOfKey(c, base, n)
	} else if len(w.tags) == 0 || len(w.tags) == 1 && c.tags[0] == nil {
		cell := w.cell(base)
		for i := range b.cells[:n] {
			b.cells[i] = cell
		}
	} else if len(w.tags) == 1 {
		w.cellsOfTag(c, base, n)
	} else {
		for i, row := range b.rows[:n] {
			for j, tag := range c.tags {
				if tag != nil {
					base[w.tags[j].at] = tag.Texts[tag.Codes.At(int(row))]
				}
			}
			b.cells[i] = w.cell(base)
		}
	}
	w.foldRows(n)
	if w.need.values {
		w.gathered.addRows(b.cells[:n], b.values[:n])
	}
	if len(w.need.distinct) > 0 {
		w.countRows(c, key, n)
	}
}

// match collects the rows that match, with their values.
func (w *worker) match(c *cursor, start, end int) (n int) {
	b := &w.batch
	values := c.part.Values[start:end]
	if !w.byValue && len(c.allowed) == 0 {
		for i := range values {
			b.rows[i] = uint32(start + i)
		}
		return copy(b.values[:], values)
	}
	for i, value := range values {
		if w.byValue && (value < w.low || value > w.up) || !lets(c.allowed, start+i) {
			continue
		}
		b.rows[n], b.values[n] = uint32(start+i), value
		n++
	}
	return n
}

func lets(all []allowed, row int) bool {
	for i := range all {
		if !all[i].codes[all[i].tag.Codes.At(row)] {
			return false
		}
	}
	return true
}

// cellsOfTag finds the cells of rows that the text of one tag tells apart. A code's cell is looked
// up once for all rows.
func (w *worker) cellsOfTag(c *cursor, base dims, n int) {
	b := &w.batch
	tag := c.tags[0]
	tag.Codes.Gather(b.rows[:n], b.codes[:n])
	texts := len(tag.Texts)
	if n < texts/4 { // clearing would cost more than it saves
		for i, code := range b.codes[:n] {
			base[w.tags[0].at] = tag.Texts[code]
			b.cells[i] = w.cell(base)
		}
		return
	}
	if len(b.cellOf) < texts {
		b.cellOf = make([]uint32, texts)
	}
	cellOf := b.cellOf[:texts]
	clear(cellOf)
	for i, code := range b.codes[:n] {
		cell := cellOf[code]
		if cell == 0 {
			base[w.tags[0].at] = tag.Texts[code]
			cell = w.cell(base) + 1
			cellOf[code] = cell
		}
		b.cells[i] = cell - 1
	}
}

// cellsOfKey finds the cells of rows of the key at hand that only the text of one tag tells apart.
// The key's cells follow each other, so that a number below the first is left from another key.
func (w *worker) cellsOfKey(c *cursor, base dims, n int) {
	b := &w.batch
	tag, grouped := c.tags[0], w.tags[0]
	if len(w.textCells) == 0 {
		w.textCells = make([]uint32, 1+w.textsOf(grouped))
	}
	if tag == nil {
		clear(b.codes[:n])
	} else {
		tag.Codes.Gather(b.rows[:n], b.codes[:n])
	}
	for i, code := range b.codes[:n] {
		text := uint32(0)
		if tag != nil {
			text = tag.Texts[code]
		}
		cell := w.textCells[text]
		if cell <= w.keyFirst {
			base[grouped.at] = text
			cell = w.newCell(base) + 1
			w.textCells[text] = cell
		}
		b.cells[i] = cell - 1
	}
}

// textsOf is how many texts a tag has.
func (w *worker) textsOf(tag grouped) int {
	if !tag.known {
		return 0
	}
	return w.names.Tags[tag.number].Texts.Len()
}

// foldRows adds rows to their cells.
func (w *worker) foldRows(n int) {
	cells, values := w.batch.cells[:n], w.batch.values[:n]
	c := &w.cells
	for _, cell := range cells {
		c.count[cell]++
	}
	if w.need.sum {
		for i, cell := range cells {
			c.sum[cell] += values[i]
		}
	}
	if w.need.extremes {
		for i, cell := range cells {
			value := values[i]
			if value < c.low[cell] {
				c.low[cell] = value
			}
			if value > c.high[cell] {
				c.high[cell] = value
			}
		}
	}
}

// countRows counts what distinct aggregates ask for.
func (w *worker) countRows(c *cursor, key uint32, n int) {
	b := &w.batch
	for i, row := range b.rows[:n] {
		cell := b.cells[i]
		w.countKey(key, cell)
		for j, tag := range c.distinct {
			if tag == nil {
				continue
			}
			text := tag.Texts[tag.Codes.At(int(row))]
			if text == 0 || !w.sets[j].add(cell, text) {
				continue
			}
			if w.owned {
				w.cells.distinct[j][cell]++
			}
			if w.sets[j].count > distinctMax {
				w.fail("distinct")
			}
			w.countPair()
		}
	}
}
