"""The page's charts, one file each, built with plotly's classes: a key that plotly does not know is an error."""
