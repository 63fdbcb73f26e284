# SPDX-License-Identifier: Apache-2.0
# What the numbers of a benchmark were measured on.  Sourced.
machine="machine: $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sed -n 1p), Linux $(uname -r)"
