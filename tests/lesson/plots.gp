# SPDX-License-Identifier: GPL-2.0-only
# Draws what make lesson has measured: gnuplot -e "directory='build/lesson'" plots.gp
# Columns: device, depth, size, request, processes, mode, op/s, GB/s, us, CPU, interrupts an operation, theory, law
set terminal svg size 900,520 dynamic enhanced font 'sans,13' background '#ffffff'
set encoding utf8
set border 3
set tics nomirror
set grid ytics lc '#dddddd'
set key top left reverse Left
blue = '#2471a3'
red = '#c0392b'

set output directory.'/depth.svg'
set title "Depth hides latency: 4 KiB reads of a 4.0 x4 disk\nOne at a time waits 100 us for each. 100 channels work at once, if there is enough to do." noenhanced
set logscale xy
set xrange [1:256]
set xtics (1, 2, 4, 8, 16, 32, 64, 128, 256)
set xlabel 'requests in flight'
set ylabel 'operations per second'
plot directory.'/depth.dat' using 2:13 with lines lw 2 dt 2 lc rgb red title "Little's law: depth / latency, and the medium's limit", \
	'' using 2:7 with points pt 7 ps 0.8 lc rgb blue title 'measured'

set output directory.'/size.svg'
set title "Size amortises overhead: reads of a 4.0 x4 disk\nEach command has a cost of its own, each TLP a header: large ones of both come close to the link." noenhanced
unset logscale y
set xrange [4096:1048576]
set xtics ('4 KiB' 4096, '16 KiB' 16384, '64 KiB' 65536, '256 KiB' 262144, '1 MiB' 1048576)
set xlabel 'bytes a read'
set ylabel 'GB/s'
set yrange [0:8]
set key bottom right
plot directory.'/size.dat' using 3:(stringcolumn(1) eq 'disk' ? $8 : 1/0) with linespoints lw 2 pt 7 lc rgb blue title 'payloads of 256 bytes', \
	'' using 3:(stringcolumn(1) eq 'disk' ? 1/0 : $8) with linespoints lw 2 pt 7 lc rgb red title 'payloads of 128 bytes'

unset logscale x
set autoscale x
set yrange [0:*]
set style data histograms
set style fill solid 0.9
set boxwidth 0.7
set xtics auto
set xlabel ''
set key top left

set output directory.'/mode.svg'
set title "How a completion is learnt of: 4 KiB reads, depth 64\nAn interrupt costs about as much as all the rest. Moderated, many share one; polled, there is none, and no rest." noenhanced
set ylabel 'share of a CPU'
set y2label 'interrupts an operation'
set y2tics
set y2range [0:*]
plot directory.'/mode.dat' using 10:xtic(6) lc rgb blue title 'CPU', '' using 11 axes x1y2 lc rgb red title 'interrupts'
unset y2label
unset y2tics

set ylabel 'GB/s'
set output directory.'/link.svg'
unset title
set multiplot layout 1,2 title "The link: 256 KiB, the device writes memory\nRate times lanes, less encoding and headers: 8b/10b takes a fifth, 128b/130b nearly nothing." noenhanced
set xlabel 'GT/s, x4'
plot directory.'/speed.dat' using 8:xtic(word(stringcolumn(1), 1)) lc rgb blue title 'measured', '' using 12 lc rgb red title 'theory'
set xlabel 'lanes, 16 GT/s'
plot directory.'/width.dat' using 8:xtic(word(stringcolumn(1), 3)) lc rgb blue title 'measured', '' using 12 lc rgb red title 'theory'
unset multiplot

set output directory.'/payload.svg'
set xlabel 'Max\_Payload\_Size'
set title "Payload: 16 GT/s x4, 256 KiB, the device writes memory\nA header and its frame are 24 bytes, whatever follows." noenhanced
plot directory.'/payload.dat' using 8:xtic(words(stringcolumn(1)) == 3 ? '256' : word(stringcolumn(1), 4)[1:3]) lc rgb blue title 'measured', \
	'' using 12 lc rgb red title 'theory'

set output directory.'/read.svg'
unset title
set multiplot layout 1,2 title "Reads are round trips: 16 GT/s x16, 256 KiB, the device reads memory\nWhat is under way at once, tags times request size, has to cover latency times bandwidth." noenhanced
set xlabel 'Max\_Read\_Request\_Size, 64 tags'
plot directory.'/request.dat' using 8:xtic(4) lc rgb blue title 'measured', '' using 12 lc rgb red title 'theory'
set xlabel 'requests of 512 bytes'
plot directory.'/tags.dat' using 8:xtic(words(stringcolumn(1)) == 3 ? '256 tags' : word(stringcolumn(1), 4).' tags') lc rgb blue title 'measured', \
	'' using 12 lc rgb red title 'theory'
unset multiplot

set output directory.'/share.svg'
set xlabel 'processes, each with a queue'
set title "Two queues share a link\nTogether they have what one had alone: shares of 4 KiB go in turn." noenhanced
plot directory.'/share.dat' using 8:xtic(5) lc rgb blue title 'measured, all together', '' using 12 lc rgb red title 'theory'
