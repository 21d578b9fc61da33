// Package launch is how a program becomes a cluster: what the command line and the
// host file say, and a launcher that runs all processes on this machine.
//
// # A cluster from one command
//
// [Local] starts this executable, with the same arguments, once for each process
// of the cluster. It is no member itself. An environment variable tells each
// process who it is; [FromEnv] reads it. Four things tie the two together:
//
//   - a listener, which the launcher opened: the ports of all are known, and taken,
//     before the first process runs
//   - a pipe from the launcher, which it never closes: when it reads as closed, the
//     launcher is gone, however that happened
//   - the signals that the launcher passes on, which come through that pipe
//   - standard output and standard error, of which the launcher prefixes each line
//
// # Guarantees
//
//   - No two programs race for a port, where files can be inherited (unix).
//   - When the launcher goes, even by kill -9, no process that called
//     [Member.WatchParent] stays. On Linux no process stays at all.
//   - When one process fails the others have [Options].Grace to leave. Then they are
//     killed: Local returns when no process is left, whatever they ignore.
//   - The status is that of the process that failed first, not of one that failed
//     because of it ([ExitPeer]).
//   - Lines stay whole: those of two processes, or of the two outputs of one, are
//     never mixed within a line. Memory is bounded: a longer line than 64 KiB is cut.
//     A line is printed when it ends, or its process does: a prompt is not seen before.
//   - What a process said before it ended is printed, however slow the reader is,
//     unless a signal says not to wait for it.
//   - A signal counts once at a process, also if it was sent to both the launcher
//     and the process, as a terminal and many supervisors do; also if it comes the
//     second way when the program is done with signals.
//   - A process that the program starts inherits neither the variable nor the
//     listener nor the pipe, if it is started after FromEnv.
//
// # Duties
//
//   - FromEnv comes first, and [Member.WatchParent] right after it.
//   - A process that ends because another one failed exits with ExitPeer.
//   - Who handles signals in a process that was launched uses [Member.Notify] in
//     place of signal.Notify.
//   - What a program does before it calls Local, it does once more in each process.
//
// # File map
//
//	doc.go            this
//	hosts.go          ParseHosts, ReadHosts: the host file
//	plan.go           Flags and Plan: what a command line asks for; CheckMember, DefaultHosts
//	local.go          Local: starts the processes
//	supervise.go      waits for them, passes signals on, kills, and judges
//	process.go        one process, seen from the launcher
//	lines.go          what processes print, line by line
//	member.go         Member, FromEnv: one process, seen from inside
//	watch.go          the launcher's end, and signals, seen from inside
//	inherit_unix.go   ports and pipes as inherited files; inherit_other.go: without
//	death_linux.go    the kernel's help for a launcher that is killed; death_other.go: without
package launch
