package timely

// Parse is what Main reads the command line with: tests of it cannot go through
// Main, which ends the process.
var Parse = parse
