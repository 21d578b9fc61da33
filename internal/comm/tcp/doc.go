// Package tcp joins the processes of a cluster, as frames of bytes. It knows nothing of records
// or times; a layer above maps the channels of workers onto it.
//
// [Join] makes one connection between each two processes, and returns a [Mesh] when everybody
// is connected to everybody. From then on processes are equals. The first failure anywhere is
// the end of all: nothing is ever sent again, and no connection made anew. What failed starts
// again as a whole.
//
// # What is promised
//
//   - Send and Flush never block. What waits is what the layer above has sent, and nothing more:
//     credit is its business. What is flushed is written at once, in one system call by the
//     caller if it is little; what is not, within a Heartbeat, or when 64 KiB wait.
//   - Messages of one worker to another in one channel arrive in the order in which they were
//     sent, whole, once, and as they were; or else the mesh fails. Order holds within each of
//     two lanes: Data, and everything else. The second goes first: a message in it waits for
//     what the kernel has taken already and for 384 KiB of data at most, however much data is
//     queued.
//   - Progress can be pulled: [Mesh.Ready] says that there is some, and the writer asks for it
//     when it can write. What adds up meanwhile is one message, however slow the peer.
//   - Who closes gets all that others sent before they closed, and they get all that he sent.
//     Close returns nil only if that is so, at both ends. A process that dies is never taken
//     for one that has ended.
//   - A process that died is noticed at once, one that is silent (stopped, or cut off) after
//     DeadAfter. The others are told within a tenth of a second, and say the same cause:
//     [Mesh.Err].
//   - A message is as large as MaxMessage allows. It is cut into frames, and handed out when
//     all have come. Memory is taken for what has arrived, never for what was claimed.
//   - When Close has returned, no goroutine of the mesh is left.
//
// # To wait
//
// A goroutine that waits for bytes sleeps in the kernel, and to be woken takes 20 to 50 µs: more
// than all else in a short message's way. So who has waited less than 100 µs looks for a while the
// next time, a hundred times at most, before it sleeps; between two looks others run. It does
// that only on a processor that nobody else needs: as many connections of a process look at a time
// as its part of the machine's processors has beyond the workers that are not parked. Processes
// count as of one machine if their addresses show it.
//
// # What is asked for
//
//   - Every Mesh is closed, also one that has failed. Start follows Join soon.
//   - The receiver does not block: it stands in the way of its peer's heartbeats. It releases
//     each frame once. A frame that is kept keeps the 256 KiB with it that it was read into, so
//     what is small should be copied.
//   - What a message lends stays as it is until its Owner is released.
//   - The function that is pulled from does not pull progress of a worker that is failing.
//
// # Who may join
//
// Higher indexes dial lower ones: process 0 first, which chooses the nonce of this run, its
// incarnation. Everybody shows it to the others, and who has another is of an earlier run, and
// is refused. It is no secret, needs no order and is stored nowhere: a process can only be left
// over from a run if it was connected to that run's process 0, so it has the wrong one; or it
// was not, and then it is as good as new.
//
// Both sides say hello, and compare: version, cluster (a hash of its name, and one of the list
// of hosts), who they are and whom they look for, workers, byte order, build. If something
// differs both say what. A stranger is refused, and start-up goes on: who is of another
// cluster, who cannot show that he belongs to this one, who says nothing for five seconds or
// something else, who claims an index that is taken. Of those at most 64 are heard at a time,
// with less than 5 KiB read of each. A member that can never work with the others (another
// number of workers, another build) ends the joining at once.
//
// # On the wire
//
// All numbers are little-endian. A hello, of at most 408 bytes in this version:
//
//	 0  8  magic       0x89 "timely" 0x0a
//	 8  4  version     1
//	12  4  index       who speaks
//	16  4  length      of what follows the prefix; at most 4072
//	20  4  0           up to here alike in all versions
//	24  4  to          whom it is for
//	28  4  processes
//	32  4  workers     of each process
//	36  4  flags       one byte each: has a secret, 64 bit, big-endian, 0
//	40 16  cluster     SHA-256 of the name, its first half
//	56 16  hosts       SHA-256 of the list
//	72 16  incarnation zeros: not known yet
//	88 32  nonce
//	120 32 0
//	152    build       at most 256 bytes
//
// Both have said hello, the dialer first. Then each side sends, again the dialer first, a proof
// of 32 bytes if both have a secret, and a verdict: a byte (1 welcome, 2 come again, 3
// refused), 0, the length of a text in two bytes, at most 1024, and the text. Frames follow,
// each padded with zeros to a multiple of 8 bytes, so that payloads are aligned in memory:
//
//	 0  4  length      of the payload, at most 128 KiB; longer messages are cut
//	 4  1  kind        1 data, 2 progress, 3 credit, 4 ask, 5 plan, 16 heartbeat, 17 joined, 18 bye, 19 abort
//	 5  1  flags       1: the message goes on in the next frame of its lane
//	 6  2  0
//	 8  4  channel
//	12  4  from        worker, counted through all processes
//	16  4  to
//	20  4  checksum    CRC32C of payload and padding; 0 within TLS
//	24  4  sequence    of the frame, in its direction
//	28  4  checksum    CRC32C of the header
//	32     payload
//
// The header has a checksum of its own: nobody waits for bytes of a length that a broken bit
// has made. What does not fit is a failure that names the peer, the place in the stream and the
// header.
//
// # Against whom
//
// Trusted are the processes of the cluster, once they have shown that they are; the network and
// everybody who can connect are not. With TLS (1.3, both sides show a certificate of the
// cluster's own authority, for the index that they claim) nobody else reads, changes or says
// anything. A secret alone is the light alternative: HMAC-SHA256 over both hellos with their
// nonces, and over the side that speaks, so that a proof cannot be replayed or sent back. It
// authenticates the start of a connection and nothing after that: who can change bytes on the
// way can do so, and who can read them reads them. The CRC is against accidents. Who answers a
// dialer in a process's place gets a proof against which he can try secrets, so take one of 16
// random bytes or more. Without either, a process listens only on the loopback interface, where
// all users of the machine can connect; Insecure lifts that. Nobody is kept from using up the
// bandwidth, and a flood of connections can delay the start.
//
// # Files
//
//	config.go       Config, its defaults, what cannot work; who may listen where
//	join.go         Join: dialing, waiting, who is missing
//	door.go         those who connect: how many, who is let in, who is refused
//	handshake.go    hello, proof, verdict; in both roles
//	hello.go        what a hello says, and what differs between two
//	tls.go          certificates in use; certificates.go makes them
//	mesh.go         Mesh: Start, Send, Abort, Close
//	link.go         one connection: its two goroutines, how it ends
//	outbox.go       Message; what waits for the writer, in two lanes
//	writer.go       who writes when: the writer's goroutine, and who flushes
//	bundle.go       what is beneath TLS: its records, written together
//	round.go        what is written at once: which messages, cut into frames
//	reader.go       frames out of slabs, messages out of frames; silence
//	slab.go         Frame; counted memory that is read into
//	frame.go        kinds, and the header
//	failure.go      PeerError, AbortError, ProtocolError
//	socket_linux.go what the kernel is asked for; socket_other.go nothing
//	eager.go        who reads looks for a while before it waits
//	direct_unix.go  a write and a read that do not wait; direct_other.go none
package tcp
