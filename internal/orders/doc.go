// Package orders rounds trades to whole lots such that what is held then keeps every limit.
package orders
