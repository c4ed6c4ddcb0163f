# SPDX-License-Identifier: GPL-2.0-only
# Draws the results of make bench: gnuplot -e "directory='build/bench'" plots.gp
set terminal svg size 900,520 dynamic enhanced font 'sans,14' background '#ffffff'
set encoding utf8
set border 3
set tics nomirror
set grid ytics lc '#dddddd'
set style data yerrorlines
array colour[4] = ['#c0392b', '#2471a3', '#7fb3d5', '#7f8c8d']
name(i) = i == 1 ? "busmaster" : i == 2 ? "nvme, no disk at all" : i == 3 ? "nvme, disk in memory" : "null\\_blk, no device"

set logscale x 2
set key top left reverse Left
set yrange [0:*]

set output directory.'/depth.svg'
set title '4 KiB reads: throughput over queue depth'
set xlabel 'requests in flight'
set ylabel 'thousand operations per second'
plot for [i=1:4] directory.'/depth.dat' using 1:(column(3*i-1)/1e3):(column(3*i)/1e3):(column(3*i+1)/1e3) \
	lw 2 pt 7 ps 0.5 lc rgb colour[i] title name(i)

set output directory.'/size.svg'
set title 'Reads at depth 32: bandwidth over size'
set xlabel 'KiB a read'
set ylabel 'GB/s'
plot for [i=1:4] directory.'/size.dat' using ($1/1024):(column(3*i-1)/1e9):(column(3*i)/1e9):(column(3*i+1)/1e9) \
	lw 2 pt 7 ps 0.5 lc rgb colour[i] title name(i)

unset logscale
set terminal svg size 1100,560 dynamic enhanced font 'sans,14' background '#ffffff'
set output directory.'/cost.svg'
set style data histograms
set style histogram rowstacked
set style fill solid 0.9
set boxwidth 0.6
set xlabel ''
set multiplot layout 1,2 spacing 0.08 margins 0.06,0.92,0.22,0.82 title 'What a read of 4 KiB costs' noenhanced
set key outside top center horizontal noreverse Right
set xtics font ',11' noenhanced rotate by -35
unset title
set ylabel 'guest instructions, thousands'
plot directory.'/cost.dat' using ($2/1e3):xtic(1) lc rgb '#f5b041' title 'program', \
	'' using ($3/1e3) lc rgb '#c0392b' title 'kernel'
set ylabel 'events'
plot directory.'/cost.dat' using 4:xtic(1) lc rgb '#2471a3' title 'submission doorbells', \
	'' using 5 lc rgb '#7fb3d5' title 'completion doorbells', \
	'' using 6 lc rgb '#c0392b' title 'interrupts'
unset multiplot
