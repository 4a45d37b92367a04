// Package runfolder has the folder of a training run: its files, its lock, and the records of
// iterations and commands.
package runfolder
