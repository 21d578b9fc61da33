package callsite

// This file is compiled into the engine's package: what it declares stands for
// the ways in which a user may enter the engine.

func Function() Site { return Caller() }

func Generic[T any](T) Site { return Caller() }

type Receiver[T any] struct{ value T }

func (r *Receiver[T]) Method() Site { return Generic(r.value) }

func Closure() Site { return func() Site { return func() Site { return Caller() }() }() }

// Build calls the user back; the user's lines inside build are the nearer ones.
func Build[T any](x T, build func(T) Site) Site { return build(x) }

// Deep puts depth frames of the engine between its caller and Caller.
func Deep(depth int) Site {
	if depth == 0 {
		return Caller()
	}
	return Deep(depth - 1)
}

// Alone finds the site of a goroutine that the engine started.
func Alone() Site {
	found := make(chan Site)
	go func() { found <- Caller() }()
	return <-found
}

var (
	PackageOf = packageOf
	IsEngine  = isEngine
)
