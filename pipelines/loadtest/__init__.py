"""Drive an HTTP endpoint and measure it: closed and open load, percentiles without coordinated omission, the times that one request takes."""
