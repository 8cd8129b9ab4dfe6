# Credit defaults: a classifier trained on real rows, on generated rows, on both, and with SMOTE, on real test rows.
for table in Default UCI_Credit_Card; do
  file=$data/default_credit/$table.csv label=default
  [ "$table" = Default ] || { file=$file.gz; label=default.payment.next.month; }
  gzip -dcf "$file" | tr '\r' '\n' | awk -v train="$table.train.csv" -v test="$table.test.csv" \
    'NR == 1 { print > train; print > test; next } NF { print > ((NR - 2) % 5 == 0 ? test : train) }'
  train "$table" table "$table.train.csv" --label "$label"
  dl-gan-sample -q "$table.safetensors" --count "$(($(wc -l < "$table.train.csv") - 1))" --csv "$table.made.csv" > /dev/null
  dl-eval table -q --real "$table.train.csv" --synthetic "$table.made.csv" --test "$table.test.csv" --label "$label" \
    --format table | sed "s/^/$table  /" | tee -a table.txt
  row "$table" "$(spent "$table")"
done
