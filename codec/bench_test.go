package codec

import (
	"fmt"
	"testing"
	"time"
)

type trade struct {
	ID, Account uint64
	Price       float64
	Quantity    int64
}

type padded struct {
	ID   uint64
	Kind uint8
	Size uint32
}

type order struct {
	ID       uint64
	Customer string
	Country  string
	Paid     bool
	Cents    int64
}

type stamped struct {
	ID uint64
	At time.Time
}

const perBatch = 256

func batchOf[D any](record func(i int) D) (records []D) {
	for i := range perBatch {
		records = append(records, record(i))
	}
	return records
}

func BenchmarkPointerFree(b *testing.B) {
	benchmark(b, batchOf(func(i int) trade { return trade{ID: uint64(i), Price: 1.5} }))
}

func BenchmarkPadded(b *testing.B) {
	benchmark(b, batchOf(func(i int) padded { return padded{ID: uint64(i)} }))
}

func BenchmarkBools(b *testing.B) {
	benchmark(b, batchOf(func(i int) [8]bool { return [8]bool{true} }))
}

func BenchmarkStructWithStrings(b *testing.B) {
	benchmark(b, batchOf(func(i int) order {
		return order{ID: uint64(i), Customer: fmt.Sprint("customer ", i), Country: "Iceland", Cents: 995}
	}))
}

func BenchmarkString(b *testing.B) {
	benchmark(b, batchOf(func(i int) string { return fmt.Sprint("word ", i) }))
}

func BenchmarkSliceOfString(b *testing.B) {
	benchmark(b, batchOf(func(i int) []string { return []string{"one", "two", "three", "four"} }))
}

func BenchmarkSliceOfUint64(b *testing.B) {
	benchmark(b, batchOf(func(i int) []uint64 { return make([]uint64, 16) }))
}

func BenchmarkMap(b *testing.B) {
	benchmark(b, batchOf(func(i int) map[string]int {
		return map[string]int{"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
	}))
}

func BenchmarkPointer(b *testing.B) {
	benchmark(b, batchOf(func(i int) *trade { return &trade{ID: uint64(i)} }))
}

func BenchmarkInterface(b *testing.B) {
	benchmark(b, batchOf(func(i int) shape { return square{1} }))
}

func BenchmarkTime(b *testing.B) {
	benchmark(b, batchOf(func(i int) stamped { return stamped{At: time.Unix(int64(i), 0).UTC()} }))
}

// benchmark reports the time of a record, in each way that it can travel.
func benchmark[D any](b *testing.B, records []D) {
	c, err := For[D]()
	if err != nil {
		b.Fatal(err)
	}
	bytes, err := c.Append(nil, records)
	if err != nil {
		b.Fatal(err)
	}
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(records)), "ns/record")
		})
	}
	run("append", func() (err error) { bytes, err = c.Append(bytes[:0], records); return err })
	run("decode", func() (err error) { records, err = c.Decode(bytes, records[:0]); return err })
	if c.InPlace() {
		run("view", func() error { _, _, err := c.View(bytes); return err })
	}
}
