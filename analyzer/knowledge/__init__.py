"""Knowledge about failures: YAML read (`load`), checked (`check`, `expressions`), and turned into SQL (`compile`)."""
