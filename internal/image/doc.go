// Command image checks Dockerfile.cuda as far as that goes without images: it
// lints the file, runs the steps that build the program on this machine, in a
// copy of the sources, and looks whether the packages of the image have the
// libraries that the program needs. It says what it has not done.
package main
