/* What lwIP asks of the compiler: nothing. */
