# StyleGAN and DCGAN on drawn faces: the distance to 1,000 test faces, also with truncated styles.
faces
once faces-test.jsonl dl-data from folder -q "$data/pixel_faces_32/test"
train faces-dcgan dcgan faces.jsonl --width 0.5 --ema 0.995
train faces-style stylegan faces.jsonl --width 0.125
for name in faces-dcgan faces-style; do
  once "$name.made.jsonl" dl-gan-sample -q "$name.safetensors" --count 1000
  row "drawn faces, $name" "FID $(distance "$name.made.jsonl" faces-test.jsonl "$squeezenet" fire9@1); $(spent "$name")"
done
for psi in 0.9 0.7 0.5; do
  once "truncated-$psi.jsonl" dl-gan-sample -q faces-style.safetensors --count 1000 --truncation "$psi"
  row "drawn faces, truncation $psi" "FID $(distance "truncated-$psi.jsonl" faces-test.jsonl "$squeezenet" fire9@1)"
done
dl-gan-sample -q faces-style.safetensors --mix 0-3 --grid 6x6 --output mixed.png > /dev/null
