package codec_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/timely-go/timely/codec"
)

type Order struct {
	ID    uint64
	Items []string
	Notes map[string]string
}

func Example() {
	c, err := codec.For[Order]()
	if err != nil {
		fmt.Println(err)
		return
	}
	sent := []Order{
		{ID: 1, Items: []string{"tea", "milk"}},
		{ID: 2, Notes: map[string]string{"door": "side"}},
	}
	wire, err := c.Append(nil, sent)
	if err != nil {
		fmt.Println(err)
		return
	}
	came, err := c.Decode(wire, nil)
	fmt.Println(came, err)
	// Output: [{1 [tea milk] map[]} {2 [] map[door:side]}] <nil>
}

func ExampleFor() {
	type Job struct {
		Name  string
		Steps []struct{ Done chan bool }
	}
	_, err := codec.For[Job]()
	fmt.Println(err)
	// Output: codec: codec_test.Job: Job.Steps[].Done: a chan cannot travel
}

type Reading struct {
	Sensor uint32
	Value  float32
}

// mustFor is For for types of which the program knows that they can travel.
func mustFor[D any]() *codec.Codec[D] {
	c, err := codec.For[D]()
	if err != nil {
		panic(err)
	}
	return c
}

// Records without pointers and padding are sent from where they are, and read
// where they arrive.
func ExampleCodec_InPlace() {
	c := mustFor[Reading]()
	sent := []Reading{{1, 20.5}, {2, 19}}
	if !c.InPlace() {
		return
	}
	wire := c.Bytes(sent)
	came, ok, err := c.View(wire)
	fmt.Println(len(wire), came, ok, err)
	// Output: 16 [{1 20.5} {2 19}] true <nil>
}

func ExampleCodec_Bytes() {
	c := mustFor[uint64]()
	fmt.Println(len(c.Bytes([]uint64{1, 2, 3})))
	// Output: 24
}

// What arrives at an odd place is copied instead.
func ExampleCodec_View() {
	c := mustFor[uint64]()
	frame := append([]byte{'#'}, c.Bytes([]uint64{7, 8})...)

	records, ok, err := c.View(frame[1:])
	if err == nil && !ok {
		records, err = c.Decode(frame[1:], nil)
	}
	fmt.Println(records, ok, err)
	// Output: [7 8] false <nil>
}

func ExampleCodec_Append() {
	c := mustFor[any]()
	_, err := c.Append(nil, []any{1, "two", struct{}{}})
	fmt.Println(err)
	// Output: codec: record 2 of 3: interface {} holds a struct {}, which codec.Register was not told of
}

func ExampleCodec_Decode() {
	c := mustFor[string]()
	wire, _ := c.Append(nil, []string{"c", "d"})
	records, err := c.Decode(wire, []string{"a", "b"})
	fmt.Println(records, err)
	_, err = c.Decode(wire[:9], nil)
	fmt.Println(err)
	// Output:
	// [a b c d] <nil>
	// codec: string at byte 0 of 9: a batch: longer than all that is left
}

// Those who know how many will come can refuse others before they decode.
func ExampleCodec_Count() {
	c := mustFor[string]()
	wire, _ := c.Append(nil, []string{"a", "b", "c"})
	fmt.Println(c.Count(wire))
	_, err := c.Count(wire[:8])
	fmt.Println(err)
	// Output:
	// 3 <nil>
	// codec: string at byte 0 of 8: a batch: longer than all that is left
}

// Two processes compare hashes, and print layouts if they differ.
func ExampleCodec_Hash() {
	type Before struct{ ID, Count uint32 }
	type After struct{ Count, ID uint32 }
	before, after := mustFor[Before](), mustFor[After]()
	fmt.Println(before.Hash() == after.Hash())
	// Output: false
}

func ExampleCodec_Layout() {
	fmt.Println(mustFor[[]Reading]().Layout())
	// Output: []github.com/timely-go/timely/codec_test.Reading struct{Sensor @0 uint32; Value @4 float32; 8 bytes}
}

type Shape interface{ Area() float64 }

type Circle struct{ Radius float64 }

type Square struct{ Side float64 }

func (c Circle) Area() float64 { return math.Pi * c.Radius * c.Radius }
func (s Square) Area() float64 { return s.Side * s.Side }

func ExampleRegister() {
	codec.Register[Circle]()
	codec.Register[Square]()

	c := mustFor[Shape]()
	wire, _ := c.Append(nil, []Shape{Circle{1}, nil, Square{2}})
	shapes, err := c.Decode(wire, nil)
	fmt.Printf("%#v %v\n", shapes, err)
	// Output: []codec_test.Shape{codec_test.Circle{Radius:1}, codec_test.Shape(nil), codec_test.Square{Side:2}} <nil>
}

// A Set is kept as a map, and sent as a sorted list.
type Set struct{ members map[uint16]bool }

func ExampleRegisterFunc() {
	codec.RegisterFunc(
		func(dst []byte, s Set) ([]byte, error) {
			var members []uint16
			for m := range s.members {
				members = append(members, m)
			}
			slices.Sort(members)
			for _, m := range members {
				dst = binary.BigEndian.AppendUint16(dst, m)
			}
			return dst, nil
		},
		func(src []byte) (Set, error) {
			s := Set{map[uint16]bool{}}
			for ; len(src) >= 2; src = src[2:] {
				s.members[binary.BigEndian.Uint16(src)] = true
			}
			if len(src) != 0 {
				return s, fmt.Errorf("half a member")
			}
			return s, nil
		},
	)

	c := mustFor[Set]()
	wire, _ := c.Append(nil, []Set{{map[uint16]bool{3: true, 1: true}}})
	fmt.Printf("%x\n", wire)
	sets, err := c.Decode(wire, nil)
	fmt.Println(sets, err)
	// Output:
	// 010000000400000000010003
	// [{map[1:true 3:true]}] <nil>
}

type Color uint8

const (
	Red Color = iota
	Green
	Blue
)

func (c Color) IsValid() bool { return c <= Blue }

func ExampleRegisterCheck() {
	codec.RegisterCheck(Color.IsValid)

	c := mustFor[Color]()
	fmt.Println(c.View([]byte{0, 1, 2}))
	_, _, err := c.View([]byte{0, 1, 7})
	fmt.Println(err)
	// Output:
	// [0 1 2] true <nil>
	// codec: codec_test.Color at byte 2 of 3: a codec_test.Color that is not valid
}
