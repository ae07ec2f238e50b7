package query

// flatUnit takes rows of a part in their order, whatever their keys: no cell depends on them.
func (w *worker) flatUnit(u unit) {
	c := &w.cursors[u.part]
	for start := u.start; start < u.end && !w.stopped(); start += batchRows {
		n := w.matchFlat(c, start, min(u.end, start+batchRows))
		w.events += uint64(n)
		w.cellsFlat(c, n)
		w.foldRows(n)
		if w.need.values {
			w.gathered.addRows(w.batch.cells[:n], w.batch.values[:n])
		}
		if len(w.need.distinct) > 0 {
			w.countRows(c, 0, n)
		}
	}
}

// matchFlat is match for rows that may lie outside the window.
func (w *worker) matchFlat(c *cursor, start, end int) (n int) {
	w.from, w.to = w.plan.from, w.plan.to
	if c.part.MinTime >= w.from && c.part.MaxTime < w.to {
		return w.match(c, start, end)
	}
	b := &w.batch
	for row := start; row < end; row++ {
		time, value := c.part.Times.At(row), c.part.Values[row]
		if time < w.from || time >= w.to || w.byValue && (value < w.low || value > w.up) || !lets(c.allowed, row) {
			continue
		}
		b.rows[n], b.values[n] = uint32(row), value
		n++
	}
	return n
}

// cellsFlat finds the cells of rows, each in its bucket.
func (w *worker) cellsFlat(c *cursor, n int) {
	b := &w.batch
	var base dims
	width := w.query.BucketMS
	if buckets := w.query.Buckets(); len(w.tags) == 0 && buckets <= denseMax {
		if len(w.bucketCells) == 0 {
			w.bucketCells = make([]uint32, buckets)
		}
		for i, row := range b.rows[:n] {
			bucket := int64(0)
			if width > 0 {
				bucket = c.part.Times.At(int(row))/width - w.first
			}
			cell := w.bucketCells[bucket]
			if cell == 0 {
				base[0] = uint32(bucket)
				cell = w.cell(base) + 1
				w.bucketCells[bucket] = cell
			}
			b.cells[i] = cell - 1
		}
		return
	}
	for i, row := range b.rows[:n] {
		if width > 0 {
			base[0] = uint32(c.part.Times.At(int(row))/width - w.first)
		}
		for j, tag := range c.tags {
			if tag != nil {
				base[w.tags[j].at] = tag.Texts[tag.Codes.At(int(row))]
			}
		}
		b.cells[i] = w.cell(base)
	}
}
