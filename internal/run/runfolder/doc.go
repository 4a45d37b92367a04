// Package runfolder keeps what a training run leaves behind in one folder.
package runfolder
