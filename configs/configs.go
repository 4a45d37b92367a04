package configs

import "embed"

// Files holds ENV.yaml for every environment with such settings.
//
//go:embed *.yaml
var Files embed.FS
